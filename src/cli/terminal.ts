import { styleText } from 'node:util';

export { printable, printableJson } from '../common/printable.js';

export type Style = (text: string) => string;
export type StyleName = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'magenta' | 'cyan';

/** Returns a styler for `stream`. It adds no styles unless the stream is a terminal with colors and NO_COLOR is unset. */
export function stylesFor(stream: NodeJS.WriteStream): (style: StyleName) => Style {
  const colored = stream.isTTY === true && !process.env.NO_COLOR && stream.hasColors();
  // Without `validateStream: false` it would inspect standard output.
  return (style) => (text) => (colored ? styleText(style, text, { validateStream: false }) : text);
}

/** Formats milliseconds with the precision of ping(8). */
export function milliseconds(ms: number): string {
  const digits = ms < 1 ? 3 : ms < 10 ? 2 : ms < 100 ? 1 : 0;
  return ms.toFixed(digits);
}
