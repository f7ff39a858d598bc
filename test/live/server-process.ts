import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';

/** Maximum time in milliseconds for a server to become ready or to stop. Long, because the machine may be busy. */
const PATIENCE_MS = 30_000;
/** Maximum length of the kept server output, in characters. */
const MAX_OUTPUT = 65_536;

/** Returns the path of a program: on the PATH, or in the folders that Debian uses for administrative programs. */
export function findProgram(...names: string[]): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/bin', '/usr/local/bin'];
  for (const name of names) {
    const found = folders.map((folder) => join(folder, name)).find(isProgram);
    if (found) return found;
  }
  return undefined;
}

/** Returns the path of a program. Throws an error that states what to install if it is missing. */
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

/**
 * A free port below the range that the kernel assigns, so that no other process takes it while its server is being
 * restarted.
 */
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

/** A server program that runs as a child of this process and does not outlive it. */
export class ServerProcess {
  private child: ChildProcess | undefined;
  private output = '';
  private exited: Promise<void> = Promise.resolve();
  private readonly listeners = new Set<() => void>();

  /** @param user user to run the program as; requires root. */
  constructor(
    private readonly program: string,
    private readonly cwd: string,
    private readonly user: { readonly uid?: number; readonly gid?: number } = {},
  ) {}

  /** The process id. Throws if the process is not running. */
  get pid(): number {
    const { child } = this;
    if (child?.pid === undefined || this.ended) throw new Error(`${this.program} is not running`);
    return child.pid;
  }

  private get ended(): boolean {
    return this.child === undefined || this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /**
   * Starts the program and resolves when its output matches `ready`. Rejects with that output if the program ends
   * first.
   */
  async start(args: readonly string[], ready: RegExp): Promise<void> {
    this.output = '';
    // A test run that is killed must not leave a server running.
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
   * Stops all threads of the process and of its children. Resolves when all have stopped, because SIGSTOP does not
   * wait. Sockets stay open.
   */
  async freeze(): Promise<void> {
    const { pid } = this;
    await this.stop(pid);
    // A stopped process has no new children.
    for (const child of childrenOf(pid)) await this.stop(child);
  }

  /** Continues the processes. */
  thaw(): void {
    for (const pid of [...childrenOf(this.pid), this.pid]) process.kill(pid, 'SIGCONT');
  }

  /**
   * Sends SIGKILL to the process and its children, even if they are frozen. Resolves when the process has exited. Has
   * no effect if it is not running.
   */
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
