import { styleText } from 'node:util';

export { printable, printableJson } from '../common/printable.js';

export type Style = (text: string) => string;
export type StyleName = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'magenta' | 'cyan';

/** Returns a styler for `stream`. It adds styles only if the stream is a terminal with colors and NO_COLOR is unset. */
export function stylesFor(stream: NodeJS.WriteStream): (style: StyleName) => Style {
  const coloured = stream.isTTY === true && !process.env.NO_COLOR && stream.hasColors();
  // With the default of `validateStream`, `styleText` would inspect standard output instead of `stream`.
  return (style) => (text) => (coloured ? styleText(style, text, { validateStream: false }) : text);
}

/** Formats milliseconds with the precision of ping(8). */
export function milliseconds(ms: number): string {
  const digits = ms < 1 ? 3 : ms < 10 ? 2 : ms < 100 ? 1 : 0;
  return ms.toFixed(digits);
}
