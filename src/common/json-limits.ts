/** Maximum nesting depth of a body; the outermost object is level 1. */
export const MAX_DEPTH = 32;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const LETTER_D = 0x64;
const LOWER_CASE = 0x20;
/** `{` and `[` differ in one bit, as do `}` and `]`. */
const OPENING = 0x7b;
const CLOSING = 0x7d;
const ESCAPE_BYTES = 6;

/**
 * Returns why a UTF-8 JSON text is refused although a parser accepts it: it is nested too deeply, or one of its strings
 * contains an escaped lone surrogate. The text is checked as written, so the result does not depend on which value a
 * parser keeps if a key occurs twice. The result is meaningless for a text that is not JSON.
 */
export function limitExceeded(text: Uint8Array): 'depth' | 'surrogate' | undefined {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at]!;
    if (byte === QUOTE) {
      at = stringEnd(text, at);
      if (at < 0) return 'surrogate';
    } else if ((byte | LOWER_CASE) === OPENING) {
      if (++depth > MAX_DEPTH) return 'depth';
    } else if ((byte | LOWER_CASE) === CLOSING) depth--;
  }
  return undefined;
}

/** Offset of the quote that ends the string starting at `start`, or -1 if the string contains a lone surrogate. */
function stringEnd(text: Uint8Array, start: number): number {
  let at = start + 1;
  for (; at < text.length && text[at] !== QUOTE; at++) {
    if (text[at] !== BACKSLASH) continue;
    const half = surrogateAt(text, at);
    if (half === 'none') at++;
    else if (half === 'high' && surrogateAt(text, at + ESCAPE_BYTES) === 'low') at += 2 * ESCAPE_BYTES - 1;
    else return -1;
  }
  return at;
}

/**
 * Which half of a surrogate pair is escaped at this offset: `\ud800` to `\udbff` is high, `\udc00` to `\udfff` is low.
 */
function surrogateAt(text: Uint8Array, at: number): 'high' | 'low' | 'none' {
  if (text[at] !== BACKSLASH || text[at + 1] !== LETTER_U || (text[at + 2]! | LOWER_CASE) !== LETTER_D) return 'none';
  const digit = Number.parseInt(String.fromCharCode(text[at + 3]!), 16);
  if (digit >= 0xc) return 'low';
  return digit >= 0x8 ? 'high' : 'none';
}
