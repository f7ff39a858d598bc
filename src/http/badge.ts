import { printable } from '../common/printable.js';
import type { State } from '../health/state.js';
import { type Html, html } from './status-page/html.js';

/** Maximum length of the label, in characters. */
const MAX_LABEL = 64;
const HEIGHT = 20;
const PADDING = 6;
/** Approximate character widths at 11 px. `textLength` makes the text fit these widths in any font. */
const widths: readonly (readonly [characters: RegExp, width: number])[] = [
  [/[ijl.,:;'|!]/, 3.2],
  [/[frtI()[\] -]/, 4.4],
  [/[mwMW]/, 10],
  [/[A-Z]/, 7.6],
  [/[\u1100-\u{10ffff}]/u, 11],
];
const OTHER_WIDTH = 6.7;

/** White text has a contrast ratio of at least 4.5 on each color. */
const colours: Readonly<Record<State, string>> = {
  pass: '#18794e',
  warn: '#8a5a00',
  fail: '#c3202f',
  unknown: '#5f6670',
  draining: '#5b4bc4',
  starting: '#5b4bc4',
  'not-found': '#5f6670',
};

/** Returns an SVG document with a label and a state, such as "shop | pass". */
export function badgeSvg(label: string, state: State): string {
  const [name, word] = [printable(label, MAX_LABEL), state.replace('-', ' ')];
  const [left, right] = [widthOf(name), widthOf(word)];
  const text = (value: string, x: number, width: number): Html =>
    html`<text x="${x + width / 2}" y="14" textLength="${width - 2 * PADDING}">${value}</text>`;
  const title = `${name}: ${word}`;
  return html`<svg xmlns="http://www.w3.org/2000/svg" width="${left + right}" height="${HEIGHT}" role="img" aria-label="${title}"><title>${title}</title><clipPath id="r"><rect width="${left + right}" height="${HEIGHT}" rx="3"/></clipPath><g clip-path="url(#r)"><rect width="${left}" height="${HEIGHT}" fill="#444"/><rect x="${left}" width="${right}" height="${HEIGHT}" fill="${colours[state]}"/></g><g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">${text(name, 0, left)}${text(word, left, right)}</g></svg>
`.text;
}

/** Width in whole pixels, including the padding. */
function widthOf(text: string): number {
  let width = 2 * PADDING;
  for (const character of text) {
    width += widths.find(([characters]) => characters.test(character))?.[1] ?? OTHER_WIDTH;
  }
  return Math.round(width);
}
