import * as util from 'node:util';

export { printable, printableJson } from '../common/printable.js';

export type Style = (text: string) => string;
export type StyleName = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'magenta' | 'cyan';

/** How to style what goes to `stream`: as it is unless that is a terminal with colours, and NO_COLOR is not set. */
export function stylesFor(stream: NodeJS.WriteStream): (style: StyleName) => Style {
  const coloured = stream.isTTY === true && !process.env.NO_COLOR && stream.hasColors();
  // Node has styleText from 20.12 on; later ones would look at standard output, whatever the stream.
  const styleText = util.styleText as typeof util.styleText | undefined;
  return (style) => (text) => (coloured && styleText ? styleText(style, text, { validateStream: false }) : text);
}
