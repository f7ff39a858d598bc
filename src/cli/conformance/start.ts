import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { firstResults } from './first-results.js';
import { CannotOperate, NoResponder, type Subject } from './play.js';
import type { OperatorStep, Wanted } from './session.js';

/** Exit code with which a command reports that it does not support the settings. */
const EXIT_UNSUPPORTED = 77;
const LISTEN_TIMEOUT_MS = 15_000;
/** Measured from when the port accepts connections. After this time, sessions are played in any case. */
const FIRST_RESULTS_TIMEOUT_MS = 5000;
const POLL_INTERVAL_MS = 20;
const REPLY_TIMEOUT_MS = 5000;
/** Time between SIGTERM and SIGKILL. */
const STOP_TIMEOUT_MS = 2000;
/** The output of a process may arrive after its end. */
const OUTPUT_TIMEOUT_MS = 500;
/** A killed process exists until its parent has reaped it. */
const KILL_TIMEOUT_MS = 500;
const MAX_ERROR_OUTPUT = 4096;
/** Number of characters that are shown from the beginning and from the end. */
const SHOWN_ERROR_OUTPUT = 150;
/**
 * The ports are below the range that Linux uses for outgoing connections. Otherwise, an outgoing connection could take
 * the port before the responder does, or connect to itself while nothing is listening.
 */
const PORTS = { first: 20_000, pairs: 6000 } as const;

/** The command did not start a responder. */
export class StartFailure extends NoResponder {
  constructor(
    message: string,
    /** Whether the command reported that it does not support the settings. */
    readonly isUnsupported: boolean,
  ) {
    super(message);
  }
}

export interface StartedResponder extends Subject {
  /**
   * Resolves with how the process ended, or with undefined if it is still running after this number of milliseconds.
   */
  endsWithin(ms: number): Promise<string | undefined>;
  stop(): Promise<void>;
}

/**
 * Starts a responder with these settings from a shell command, in which `{settings}` and `{port}` are replaced.
 * Resolves when its checks have their first results.
 *
 * @throws StartFailure if the process ends, or does not open the port within 15 s
 */
export async function startCommand(command: string, wanted: Wanted): Promise<StartedResponder> {
  const folder = await mkdtemp(join(tmpdir(), 'pongcheck-conformance-'));
  const settings = join(folder, 'settings.json');
  await writeFile(settings, JSON.stringify(wanted));
  const { port, release } = await reservePort();
  const address = { host: '127.0.0.1', port };
  const child = new ResponderProcess(
    command.replaceAll('{settings}', settings).replaceAll('{port}', String(address.port)),
  );
  const stop = async () => {
    await child.stop();
    release();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await ready(child, address, wanted);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ...address,
    operate: (step) => child.operate(step),
    endsWithin: (ms) => child.endsWithin(ms),
    stop,
  };
}

async function ready(child: ResponderProcess, address: Subject, wanted: Wanted): Promise<void> {
  let deadline = performance.now() + LISTEN_TIMEOUT_MS;
  let isListening = false;
  while (performance.now() < deadline) {
    const ended = await child.endsWithin(0);
    if (ended !== undefined)
      throw new StartFailure(`the responder did not start: ${ended}`, child.exitCode === EXIT_UNSUPPORTED);
    const state = await firstResults(address, wanted);
    if (state === 'known') return;
    if (state === 'unknown' && !isListening) {
      isListening = true;
      deadline = performance.now() + FIRST_RESULTS_TIMEOUT_MS;
    }
    await sleep(POLL_INTERVAL_MS);
  }
  if (!isListening)
    throw new StartFailure(
      `the responder did not start: nothing listens on port ${address.port} after ${LISTEN_TIMEOUT_MS / 1000} s${child.errorOutput}`,
      false,
    );
}

/** Keys that a reply to an operator step can contain with the value true. */
const replies = ['done', 'unsupported'] as const;
type Reply = (typeof replies)[number];

const running = new Set<ResponderProcess>();

/** Terminates all started processes on exit. Otherwise, a signal to this process would leave them running. */
export function endWithThisProcess(): void {
  process.on('exit', () => {
    for (const child of running) child.signal('SIGKILL');
  });
  for (const [signal, number] of [
    ['SIGHUP', 1],
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const)
    process.on(signal, () => process.exit(128 + number));
}

/** A command in its own process group that uses a line protocol on its standard input and output. */
class ResponderProcess {
  private readonly child: ChildProcess;
  private readonly closed: Promise<unknown>;
  private output = '';
  private errors = '';
  private failure: string | undefined;
  private onReply: (reply: Reply | undefined) => void = () => {};

  constructor(line: string) {
    // The shell may remain the parent of the responder, so a signal must reach the whole group.
    const child = spawn(line, { shell: true, detached: true, stdio: 'pipe' });
    this.child = child;
    this.closed = once(child, 'close').catch(() => {});
    running.add(this);
    child.on('error', ({ message }) => {
      this.failure = message;
    });
    child.on('exit', () => this.onReply(undefined));
    child.stdin.on('error', () => {});
    child.stdout.setEncoding('utf8').on('data', (text: string) => this.read(text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.errors = (this.errors + text).slice(-MAX_ERROR_OUTPUT);
    });
  }

  get exitCode(): number | null {
    return this.child.exitCode;
  }

  /** Describes how the process ended, with its error output; undefined while the process is running. */
  get ended(): string | undefined {
    const { exitCode, signalCode } = this.child;
    const how = signalCode === null ? exitCode !== null && `exit code ${exitCode}` : signalCode;
    const end = this.failure ?? (how || undefined);
    return end === undefined ? undefined : `${end}${this.errorOutput}`;
  }

  get errorOutput(): string {
    const text = this.errors.trim().replaceAll(/\s*\n\s*/g, '; ');
    if (text === '') return '';
    const [head, tail] = [text.slice(0, SHOWN_ERROR_OUTPUT), text.slice(SHOWN_ERROR_OUTPUT)];
    return `: ${head}${tail.length > SHOWN_ERROR_OUTPUT ? ' ... ' : ''}${tail.slice(-SHOWN_ERROR_OUTPUT)}`;
  }

  /**
   * Waits at most `ms` milliseconds for the process to end, and then for all of its output. A process that it left
   * behind may keep the output open.
   */
  async endsWithin(ms: number): Promise<string | undefined> {
    const deadline = performance.now() + ms;
    while (this.ended === undefined && performance.now() < deadline) await sleep(POLL_INTERVAL_MS);
    if (this.ended !== undefined) await Promise.race([this.closed, sleep(OUTPUT_TIMEOUT_MS)]);
    return this.ended;
  }

  async operate(step: OperatorStep): Promise<void> {
    const line = JSON.stringify(step);
    const timeout = new AbortController();
    const reply = await Promise.race([
      new Promise<Reply | undefined>((resolve) => {
        this.onReply = resolve;
        if (this.ended !== undefined) resolve(undefined);
        this.child.stdin?.write(`${line}\n`);
      }),
      sleep(REPLY_TIMEOUT_MS, undefined, { signal: timeout.signal }).catch(() => undefined),
    ]);
    timeout.abort();
    if (reply === 'unsupported') throw new CannotOperate(`the responder does not support ${line}`);
    if (reply === undefined) {
      if (this.ended !== undefined) throw new Error(`the responder has ended: ${this.ended}`);
      throw new CannotOperate(`the responder does not reply on its standard output to ${line} on its standard input`);
    }
  }

  /** Sends SIGTERM to the group, and SIGKILL to what is left of it after 2 s. */
  async stop(): Promise<void> {
    this.child.stdin?.end();
    this.signal('SIGTERM');
    await this.gone(STOP_TIMEOUT_MS);
    this.signal('SIGKILL');
    await this.gone(KILL_TIMEOUT_MS);
    running.delete(this);
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
  }

  /** Waits until no process of the group is left, because a shell may end before the processes that it started. */
  private async gone(within: number): Promise<void> {
    const deadline = performance.now() + within;
    while (this.signal(0) && performance.now() < deadline) await sleep(POLL_INTERVAL_MS);
  }

  /** Sends a signal to the group. Returns whether it contained a process. */
  signal(signal: NodeJS.Signals | 0): boolean {
    const { pid } = this.child;
    try {
      return pid !== undefined && process.kill(-pid, signal);
    } catch {
      return false;
    }
  }

  private read(text: string): void {
    const lines = (this.output + text).split('\n');
    this.output = (lines.pop() as string).slice(-MAX_ERROR_OUTPUT);
    for (const line of lines) {
      const reply = replyIn(line);
      if (reply) this.onReply(reply);
    }
  }
}

/** Output that is not a reply is allowed. */
function replyIn(line: string): Reply | undefined {
  try {
    const reply = JSON.parse(line) as Readonly<Record<string, unknown>> | null;
    return replies.find((key) => reply?.[key] === true);
  } catch {
    return undefined;
  }
}

/**
 * Reserves an even port for a responder. This process listens on the next port until `release`. Another run of the
 * player therefore cannot take the same pair, and cannot test this responder instead of its own.
 */
async function reservePort(): Promise<{ readonly port: number; release(): void }> {
  for (;;) {
    const port = PORTS.first + 2 * Math.floor(Math.random() * PORTS.pairs);
    const reservation = await listen(port + 1);
    if (!reservation) continue;
    const release = () => void reservation.close();
    const probe = await listen(port);
    if (probe) {
      await new Promise((resolve) => probe.close(resolve));
      return { port, release };
    }
    release();
  }
}

/** Returns undefined if the port is in use. */
async function listen(port: number): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
