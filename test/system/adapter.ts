import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { expect } from '@jest/globals';

type Event = Record<string, unknown>;

/** The adapter program of a client under test (`protocol/vectors/README.md`, "The command"), or any other program. */
export class Adapter {
  private readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  private readonly events: Event[] = [];
  private readonly closed: Promise<unknown[]>;
  private stdout = '';
  private stderr = '';
  private wake = () => {};

  constructor([program, ...args]: readonly string[], env: Readonly<Record<string, string>>) {
    const { PATH = '' } = process.env;
    this.child = spawn(program as string, args, { env: { PATH, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    const { child } = this;
    child.stdin.on('error', () => {});
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      const lines = this.stdout.split('\n').slice(0, -1);
      this.events.push(...lines.slice(this.read).flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : [])));
      this.read = lines.length;
      this.wake();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.closed = once(child, 'close');
    void this.closed.then(() => this.wake());
  }

  /** Number of lines of standard output that have been parsed. */
  private read = 0;

  send(instruction: object): void {
    this.child.stdin.write(`${JSON.stringify(instruction)}\n`);
  }

  /** Sends an instruction, and returns the next event. */
  async ask(instruction: object): Promise<Event> {
    this.send(instruction);
    await this.until(() => this.events.length > 0);
    return this.events.shift() as Event;
  }

  /** Waits for an event with these values, and skips those before it. */
  async says(wanted: Event): Promise<void> {
    const isWanted = (event: Event) => Object.entries(wanted).every(([key, value]) => event[key] === value);
    await this.until(() => this.events.some(isWanted));
    this.events.splice(0, this.events.findIndex(isWanted) + 1);
  }

  /** Waits for its end, which must be a failure. Returns its output on standard error. */
  async fails(): Promise<string> {
    const { status, stdout, stderr } = await this.finished();
    expect(status).not.toBe(0);
    return stderr + stdout;
  }

  async finished(): Promise<{ status: number | null; stdout: string; stderr: string }> {
    const [status] = (await this.closed) as [number | null];
    return { status, stdout: this.stdout, stderr: this.stderr };
  }

  async end(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.closed;
  }

  /** The timeout of the test ends a wait that never succeeds. */
  private async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.child.exitCode !== null)
        throw new Error(`the program ended with ${this.child.exitCode}: ${this.stderr}`);
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}
