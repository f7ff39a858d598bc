import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { threadStates } from '../live/server-process.js';

/** Longest wait for output of a program, in milliseconds. No test takes longer than some tens of seconds. */
const PATIENCE_MS = 120_000;

/**
 * One line that a program printed. A JSON line yields its fields; for a log line, `event` is its `msg`. Any other line
 * is itself the event. The other fields are defined by the program.
 */
export interface Said {
  event: string;
  /** Milliseconds of the machine's monotonic clock. */
  at: number;
  [detail: string]: any;
}

export interface ProgramOptions {
  /** Arguments that precede the command, such as those that enter a namespace. */
  within?: readonly string[];
  env?: Readonly<Record<string, string>>;
}

/** A child process that reports events as lines of JSON. It ends with the process that started it. */
export class Program {
  readonly said: Said[] = [];
  private readonly child: ChildProcess;
  private readonly ended: Promise<number | null>;
  private complaint = '';
  private heard: (() => void)[] = [];

  constructor(command: readonly string[], { within = [], env = {} }: ProgramOptions = {}) {
    const [first, ...rest] = [...within, 'setpriv', '--pdeathsig', 'KILL', ...command];
    this.child = spawn(first as string, rest, { env: { ...process.env, ...env }, stdio: 'pipe' });
    this.child.stderr?.setEncoding('utf8').on('data', (text) => {
      this.complaint += text;
    });
    this.child.stdin?.on('error', () => {});
    createInterface({ input: this.child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const json = line.startsWith('{') ? JSON.parse(line) : { msg: line };
      this.said.push({ event: json.msg, at: now(), ...json });
      this.notify();
    });
    this.ended = once(this.child, 'close').then(([code]) => {
      this.notify();
      return code;
    });
  }

  get pid(): number {
    return this.child.pid as number;
  }

  /** All lines of one kind so far. */
  all(event: string): Said[] {
    return this.said.filter((said) => said.event === event);
  }

  /** Waits for the first line of a kind and returns it. Rejects if the program ends first. */
  async says(event: string | RegExp | ((said: Said) => boolean)): Promise<Said> {
    const matches = (said: Said) => {
      if (typeof event === 'function') return event(said);
      return event instanceof RegExp ? event.test(said.event) : event === said.event;
    };
    const found = () => this.said.find(matches);
    await this.until(() => found() !== undefined, String(event));
    return found() as Said;
  }

  /** Waits until there are this many lines of a kind, and returns them. */
  async saysAll(event: string, count: number): Promise<Said[]> {
    await this.until(() => this.all(event).length >= count, `${event}, ${count} times`);
    return this.all(event);
  }

  /** Sends a command, and returns the answer to this command. */
  async ask(command: object, event: string): Promise<Said> {
    const before = this.all(event).length;
    this.send(command);
    return (await this.saysAll(event, before + 1))[before] as Said;
  }

  send(command: object): void {
    this.child.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  write(text: string): void {
    this.child.stdin?.write(text);
  }

  /** The exit code, when the program has ended by itself. */
  exit(): Promise<number | null> {
    return this.ended;
  }

  /** Stops all threads of the program. Resolves when all have stopped, because SIGSTOP does not wait. */
  async freeze(): Promise<void> {
    process.kill(this.pid, 'SIGSTOP');
    const standing = () => threadStates(this.pid).every((state) => state === 'T');
    while (!standing()) await new Promise((resolve) => setImmediate(resolve));
  }

  thaw(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Sends SIGKILL, even to a frozen program. Resolves when it has ended. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** Waits for a condition on the output of this or another program. Rejects if this program ends first. */
  async until(condition: () => boolean, what: string): Promise<void> {
    const deadline = now() + PATIENCE_MS;
    while (!condition()) {
      if (this.child.exitCode !== null || this.child.signalCode !== null || now() > deadline) {
        throw new Error(`it has not said "${what}"; it said ${JSON.stringify(this.said.slice(-20))} ${this.complaint}`);
      }
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.heard.push(resolve);
        timer = setTimeout(resolve, deadline - now() + 1);
      });
      clearTimeout(timer);
    }
  }

  private notify(): void {
    for (const resolve of this.heard.splice(0)) resolve();
  }
}

/** Milliseconds of the machine's monotonic clock, as in the output of programs. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Waits until this time, while nothing is expected to happen. */
export function passUntil(moment: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, Math.ceil(moment - now()))));
}
