/** One command in a `console` block, with its output as shown on the page. */
export interface Shown {
  command: string;
  output: string;
}

/** The commands in a `console` block. A command begins with `$ ` and ends with its line. */
export function commandsOf(block: string): Shown[] {
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf('\n');
      return { command: part.slice(0, end), output: part.slice(end + 1) };
    });
}

/** A pattern that matches exactly these lines. `…` matches any text on one line. Trailing spaces are ignored. */
export function pattern(output: string): RegExp {
  const lines = output.trim().split('\n');
  const escaped = lines.map((line) =>
    line
      .trim()
      .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      .replaceAll('…', '.*'),
  );
  return new RegExp(`^${escaped.map((line) => `\\s*${line}`).join('\\s*\\n')}\\s*$`);
}
