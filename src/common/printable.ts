const unprintable = /[\p{C}\p{Zl}\p{Zp}]/gu;

/**
 * A peer's text for one line of a terminal or of a plain text: control characters, line breaks and
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
