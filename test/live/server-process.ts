import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';

/** How long a server may take to say that it is ready, or to stand still, in ms: a busy machine is slow. */
const PATIENCE_MS = 30_000;
/** The most of a server's output that is kept, in characters. */
const MAX_OUTPUT = 65_536;

/** Where a program is: on the PATH, or where Debian keeps what only root used to run. */
export function findProgram(...names: string[]): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/bin', '/usr/local/bin'];
  for (const name of names) {
    const found = folders.map((folder) => join(folder, name)).find(isProgram);
    if (found) return found;
  }
  return undefined;
}

/** The same, or one sentence that says what to install. */
export function needProgram(what: string, ...names: string[]): string {
  const found = findProgram(...names);
  if (found === undefined) throw new Error(`${names[0]} is not on the PATH: install ${what}`);
  return found;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A free port below those that the kernel hands out, so that no other process takes it while its server is being restarted. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    if (await canListen(port)) return port;
  }
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/** A program that serves, as a child of this process; it does not outlive it. */
export class ServerProcess {
  private child: ChildProcess | undefined;
  private output = '';
  private exited: Promise<void> = Promise.resolve();
  private readonly listeners = new Set<() => void>();

  /** @param user runs it as another user; only root can. */
  constructor(
    private readonly program: string,
    private readonly cwd: string,
    private readonly user: { readonly uid?: number; readonly gid?: number } = {},
  ) {}

  /** The process id; throws while it is not running. */
  get pid(): number {
    const { child } = this;
    if (child?.pid === undefined || this.ended) throw new Error(`${this.program} is not running`);
    return child.pid;
  }

  private get ended(): boolean {
    return this.child === undefined || this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Starts the program and resolves when its output says `ready`; rejects with that output if it ends before. */
  async start(args: readonly string[], ready: RegExp): Promise<void> {
    this.output = '';
    // A server must not be left behind by a test run that was killed.
    const setpriv = findProgram('setpriv');
    const [command, all] = setpriv
      ? [setpriv, ['--pdeathsig', 'KILL', this.program, ...args]]
      : [this.program, [...args]];
    const child = spawn(command, all, { cwd: this.cwd, stdio: ['ignore', 'pipe', 'pipe'], ...this.user });
    this.child = child;
    this.exited = new Promise((resolve) => {
      child.once('close', () => {
        resolve();
        this.notify();
      });
      child.once('error', (error) => {
        this.output += String(error);
        resolve();
        this.notify();
      });
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output = (this.output + text).slice(-MAX_OUTPUT);
        this.notify();
      });
    }
    await this.says(ready);
  }

  /** Resolves when the output since the start matches. */
  async says(pattern: RegExp): Promise<void> {
    const until = performance.now() + PATIENCE_MS;
    while (!pattern.test(this.output)) {
      if (this.ended) throw new Error(`${this.program} ended before it said ${pattern}:\n${this.output}`);
      if (performance.now() > until) throw new Error(`${this.program} has not said ${pattern}:\n${this.output}`);
      await this.something(until - performance.now());
    }
  }

  private notify(): void {
    for (const listener of [...this.listeners]) listener();
  }

  private something(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const heard = () => {
        clearTimeout(timer);
        this.listeners.delete(heard);
        resolve();
      };
      const timer = setTimeout(heard, Math.max(1, ms));
      this.listeners.add(heard);
    });
  }

  /**
   * Stops every thread of it and of its children, and resolves when all stand: SIGSTOP does not wait for them. Its
   * sockets stay open.
   */
  async freeze(): Promise<void> {
    const { pid } = this;
    await this.stop(pid);
    // A stopped process has no new children.
    for (const child of childrenOf(pid)) await this.stop(child);
  }

  /** Lets it go on. */
  thaw(): void {
    for (const pid of [...childrenOf(this.pid), this.pid]) process.kill(pid, 'SIGCONT');
  }

  /** kill -9 of it and its children, also of a frozen one; resolves when it has exited. Nothing happens where it is not running. */
  async kill(): Promise<void> {
    if (!this.ended) {
      const { pid } = this;
      await this.stop(pid);
      for (const each of [...childrenOf(pid), pid]) signal(each, 'SIGKILL');
    }
    await this.exited;
  }

  private async stop(pid: number): Promise<void> {
    signal(pid, 'SIGSTOP');
    const until = performance.now() + PATIENCE_MS;
    while (!threadStates(pid).every((state) => /[TZX]/.test(state))) {
      if (performance.now() > until) throw new Error(`${this.program} does not stand still`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Sends a signal to a process that may have ended. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The child processes of a process, from /proc/PID/stat. */
function childrenOf(parent: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
    } catch {
      return false;
    }
  });
}

/** The state letter of each thread, from /proc/PID/task/TID/stat. */
export function threadStates(pid: number): string[] {
  return tasksOf(pid).map((tid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${tid}/stat`, 'latin1');
      return stat.charAt(stat.lastIndexOf(')') + 2);
    } catch {
      // The thread has ended since it was listed.
      return 'T';
    }
  });
}

function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    // The process has ended.
    return [];
  }
}
