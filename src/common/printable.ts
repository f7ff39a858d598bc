const unprintable = /[\p{C}\p{Zl}\p{Zp}]/gu;

/**
 * Formats a peer's text for one line of output: escapes control characters, line breaks and bidirectional controls, and
 * truncates to `max` characters.
 */
export function printable(text: string, max = 200): string {
  const cut = text.length > max ? `${text.slice(0, max)}…` : text;
  return cut.replace(unprintable, (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`);
}

/** JSON on one line, without characters that a terminal would interpret. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(unprintable, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
