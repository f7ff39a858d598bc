/** One command of a `console` block, with what the page says that it prints. */
export interface Shown {
  command: string;
  output: string;
}

/** The commands of a `console` block: each begins with `$ ` and ends with its line. */
export function commandsOf(block: string): Shown[] {
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf('\n');
      return { command: part.slice(0, end), output: part.slice(end + 1) };
    });
}

/** These lines, with nothing before or after them. `…` stands for anything on one line; spaces at the ends do not count. */
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
