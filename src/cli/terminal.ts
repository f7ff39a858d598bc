import * as util from 'node:util';

export type Style = (text: string) => string;
export type StyleName = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'magenta' | 'cyan';

/** How to style what goes to `stream`: as it is unless that is a terminal with colours, and NO_COLOR is not set. */
export function stylesFor(stream: NodeJS.WriteStream): (style: StyleName) => Style {
  const coloured = stream.isTTY === true && !process.env.NO_COLOR && stream.hasColors();
  // Node has styleText from 20.12 on; later ones would look at standard output, whatever the stream.
  const styleText = util.styleText as typeof util.styleText | undefined;
  return (style) => (text) => (coloured && styleText ? styleText(style, text, { validateStream: false }) : text);
}

/**
 * A peer's text for one line of a terminal: control characters, line breaks and
 * what reorders text are spelt out, and it is cut.
 */
export function printable(text: string, most = 200): string {
  const cut = text.length > most ? `${text.slice(0, most)}…` : text;
  return cut.replace(unprintable, (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`);
}

/** JSON on one line that a terminal takes as text and nothing else. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(unprintable, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

const unprintable = /[\p{C}\p{Zl}\p{Zp}]/gu;
