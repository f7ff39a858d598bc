import { type Command, commonFlags, EXIT_USAGE, type Flag, type HelpPart } from './parser.js';
import { stylesFor } from './terminal.js';

const MAX_WIDTH = 100;
const MIN_WIDTH = 30;

function terminalWidth(): number {
  return Math.min(process.stdout.columns ?? MAX_WIDTH, MAX_WIDTH);
}

/** Output of `pongcheck --help`. */
export function mainHelp(commands: readonly Command[], version: string): string {
  const bold = stylesFor(process.stdout)('bold');
  return [
    `${bold('pongcheck')} ${version}: health checks over a small TCP protocol.`,
    '',
    `${bold('Usage:')} pongcheck COMMAND [FLAGS]`,
    '',
    part({ title: 'Commands', rows: commands.map(({ name, description }) => [name, description]) }),
    part({
      title: 'Flags',
      rows: [
        ['-h, --help', 'Prints this help, or the help for the command before it.'],
        ['-V, --version', 'Prints the version.'],
      ],
    }),
    part({
      title: 'Examples',
      rows: [
        ['pongcheck serve', 'Start a responder on loopback, with PING on port 7464 and HTTP on port 7664.'],
        ['pongcheck ping', 'Send PINGs to this responder, in another terminal.'],
        ['echo ping | nc -q1 127.0.0.1 7464', 'Do the same without pongcheck.'],
      ],
    }),
  ].join('\n');
}

/** Output of `pongcheck COMMAND --help`. */
export async function commandHelp(command: Command): Promise<string> {
  const style = stylesFor(process.stdout);
  const argument = command.argument === undefined ? '' : ` ${command.argument}`;
  const parts: HelpPart[] = [
    { title: 'Flags', rows: [...command.flags, ...commonFlags].map((flag) => [flagText(flag), flag.description]) },
    ...((await command.more?.()) ?? []),
    {
      title: 'Exit codes',
      rows: [...command.exits, [EXIT_USAGE, 'Usage error.'] as const].map(([code, meaning]) => [String(code), meaning]),
    },
  ];
  const examples = command.examples.flatMap(([line, effect]) => [
    ...wrap(effect, terminalWidth() - 4).map((text) => `  ${style('dim')(`# ${text}`)}`),
    `  ${line}`,
  ]);
  return [
    ...wrap(command.description, terminalWidth()),
    '',
    `${style('bold')('Usage:')} pongcheck ${command.name}${argument} [FLAGS]`,
    '',
    ...parts.map(part),
    style('bold')('Examples:'),
    ...examples,
    '',
  ].join('\n');
}

function flagText({ long, short, value, multiple }: Flag): string {
  return `${short ? `-${short}, ` : '    '}--${long}${value ? ` ${value}` : ''}${multiple ? ' ...' : ''}`;
}

/** Formats a title and two columns of rows, with wrapped descriptions. */
function part({ title, rows }: HelpPart): string {
  const column = Math.min(34, Math.max(...rows.map(([name]) => name.length)) + 2);
  const width = terminalWidth() - column - 2;
  const style = stylesFor(process.stdout);
  const lines = wrap(`${title}:`, terminalWidth()).map(style('bold'));
  for (const [name, description, note] of rows) {
    const notes = note === undefined ? [] : wrap(note, width).map(style('dim'));
    const [first = '', ...rest] = [...wrap(description, width), ...notes];
    if (name.length > column - 2) lines.push(`  ${name}`, `  ${' '.repeat(column)}${first}`);
    else lines.push(`  ${name.padEnd(column)}${first}`);
    for (const line of rest) lines.push(`  ${' '.repeat(column)}${line}`);
  }
  return [...lines, ''].join('\n');
}

function wrap(description: string, columns: number): string[] {
  const width = Math.max(MIN_WIDTH, columns);
  const lines: string[] = [];
  let line = '';
  for (const word of description.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
