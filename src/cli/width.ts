/** Characters that most terminals draw with a width of two columns: CJK, full-width forms and emoji. */
const wide =
  /^(?:[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|.*\ufe0f)/u;
const combining = /^\p{M}+$/u;
const ascii = /^[\x20-\x7e]*$/;
const segmenter = new Intl.Segmenter();

/** Number of terminal columns that a printable text occupies. */
export function widthOf(text: string): number {
  if (ascii.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of segmenter.segment(text)) columns += widthOfCharacter(segment);
  return columns;
}

/** Truncates a text to at most this number of columns. A truncated text ends with `…`. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let left = columns - 1;
  let kept = '';
  for (const { segment } of segmenter.segment(text)) {
    left -= widthOfCharacter(segment);
    if (left < 0) break;
    kept += segment;
  }
  return columns > 0 ? `${kept}…` : '';
}

/** Truncates or pads a text to exactly this number of columns. */
export function column(text: string, columns: number): string {
  const shown = cut(text, columns);
  return shown + ' '.repeat(columns - widthOf(shown));
}

function widthOfCharacter(character: string): number {
  if (combining.test(character)) return 0;
  return wide.test(character) ? 2 : 1;
}
