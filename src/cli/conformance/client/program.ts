import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Bell } from './bell.js';

/** An event reported by the client. */
export type ClientEvent = Readonly<Record<string, unknown>>;

/** Maximum number of bytes of standard error that are kept. */
const MAX_STDERR = 2000;

/**
 * The command under test. Instructions are written to its standard input, and events are read from its standard output.
 */
export class Program {
  /** Events that no step has consumed. */
  readonly events: ClientEvent[] = [];
  /** Why no further event is reported. */
  failure: string | undefined;
  private readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  private errors = '';
  private line = '';

  /** @param command shell command. */
  constructor(
    command: string,
    private readonly bell: Bell,
  ) {
    // Runs in its own process group, so that the shell and all its children can be terminated.
    this.child = spawn(command, { shell: true, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    const { child } = this;
    child.stdin.on('error', () => {});
    child.stdout.setEncoding('utf8').on('data', (text: string) => this.read(text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.errors = (this.errors + text).slice(-MAX_STDERR);
    });
    child.on('error', ({ message }) => this.fail(`the command could not be started: ${message}`));
    child.on('close', (code, signal) => {
      const said = this.errors.trim().split('\n').at(-1);
      this.fail(`the command ended with ${signal ?? code}${said ? `: ${said}` : ''}`);
    });
  }

  instruct(instruction: object): void {
    this.child.stdin.write(`${JSON.stringify(instruction)}\n`);
  }

  kill(): void {
    const { pid } = this.child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // The process has already ended.
    }
  }

  private read(text: string): void {
    const lines = (this.line + text).split('\n');
    this.line = lines.pop() as string;
    for (const line of lines) {
      const event = parsed(line);
      if (event) this.events.push(event);
      else this.fail(`the command wrote a line that is not a JSON object: ${line.slice(0, 100)}`);
    }
    this.bell.ring();
  }

  /** Only the first failure counts. */
  private fail(why: string): void {
    this.failure ??= why;
    this.bell.ring();
  }
}

function parsed(line: string): ClientEvent | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as ClientEvent) : undefined;
  } catch {
    return undefined;
  }
}
