import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { widthOf } from '../../src/cli/width.js';
import { compiledPackage } from './compiled.js';

const LIFE_LIMIT = 30_000;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences of a terminal.
const sequence = /^\x1b\[(\?)?([\d;]*)([A-Za-z])/;

/** `pongcheck ...` on a pseudo-terminal, which is provided by script(1) of util-linux. */
export class Terminal {
  output = '';
  private columns: number;
  private readonly child: ChildProcess;
  private readonly end: Promise<number | null>;

  constructor(
    args: readonly string[],
    { columns = 80, rows = 24, env = {} }: { columns?: number; rows?: number; env?: object },
  ) {
    const command = `tty; stty cols ${columns} rows ${rows}; exec "$NODE" "$CLI" ${args.join(' ')}`;
    const child = spawn('script', ['--quiet', '--return', '--flush', '--command', command, '/dev/null'], {
      cwd: tmpdir(),
      env: {
        PATH: process.env.PATH,
        SHELL: '/bin/sh',
        TERM: 'xterm-256color',
        NODE: process.execPath,
        CLI: join(compiledPackage(), 'dist', 'cli.js'),
        ...env,
      } as NodeJS.ProcessEnv,
      stdio: ['pipe', 'pipe', 'inherit'],
      timeout: LIFE_LIMIT,
      killSignal: 'SIGKILL',
    });
    this.child = child;
    this.columns = columns;
    child.stdout.setEncoding('utf8').on('data', (text) => {
      this.output += text;
    });
    this.end = once(child, 'close').then(([code]) => code);
  }

  /** The lines on the screen without styles, and without empty lines at the end. */
  get screen(): string[] {
    /** By column. */
    const lines: Map<number, string>[] = [new Map()];
    let row = 0;
    let at = 0;
    const clearFrom = (line: Map<number, string> | undefined, column: number) => {
      for (const of of line?.keys() ?? []) if (of >= column) line?.delete(of);
    };
    let rest = this.output.slice(this.output.indexOf('\x1b[H'));
    while (rest !== '') {
      const [found, , , name] = sequence.exec(rest) ?? [];
      // After the last column has been written, the cursor is still on it.
      const cursor = Math.min(at, this.columns - 1);
      if (found !== undefined) {
        if (name === 'H') row = at = 0;
        if (name === 'K' || name === 'J') clearFrom(lines[row], cursor);
        if (name === 'J') lines.splice(row + 1);
        rest = rest.slice(found.length);
      } else if (rest.startsWith('\r') || rest.startsWith('\n')) {
        if (rest.startsWith('\r')) at = 0;
        else lines[++row] ??= new Map();
        rest = rest.slice(1);
      } else {
        const character = String.fromCodePoint(rest.codePointAt(0) as number);
        lines[row]?.set(cursor, character);
        at = cursor + widthOf(character);
        rest = rest.slice(character.length);
      }
    }
    const text = lines.map((line) =>
      [...line]
        .sort(([a], [b]) => a - b)
        .map(([, character]) => character)
        .join('')
        .trimEnd(),
    );
    return text.slice(0, text.findLastIndex((line) => line !== '') + 1);
  }

  /** Resolves when `isSo` returns true for the screen. */
  async shows(isSo: (lines: string[]) => boolean): Promise<void> {
    await this.until(() => this.output.includes('\x1b[H') && isSo(this.screen));
  }

  /** Resolves when the output matches. */
  async says(pattern: RegExp): Promise<void> {
    await this.until(() => pattern.test(this.output));
  }

  async resize(columns: number): Promise<void> {
    await this.says(/\/dev\/\S+/);
    const [device = ''] = /\/dev\/[^\s]+/.exec(this.output) ?? [];
    this.columns = columns;
    execFileSync('stty', ['-F', device, 'cols', String(columns)]);
  }

  type(text: string): void {
    this.child.stdin?.write(text);
  }

  /** Resolves with the exit code. */
  ended(): Promise<number | null> {
    return this.end;
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.end;
  }

  private async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      const more = new Promise((resolve) => this.child.stdout?.once('data', resolve));
      const end = await Promise.race([more.then(() => undefined), this.end.then((code) => ({ code }))]);
      if (end && !isSo()) throw new Error(`ended with ${end.code}: ${JSON.stringify(this.output)}`);
    }
  }
}
