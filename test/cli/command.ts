import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compiledPackage } from './compiled.js';

/** Default maximum lifetime of a command, in milliseconds: shorter than the time limit of a test, and long enough for a busy machine. */
const LIFE_LIMIT = 50_000;

export interface CommandOptions {
  env?: Readonly<Record<string, string>>;
  /** The working directory. Default: the directory for temporary files, which is not the project's. */
  cwd?: string;
  /** Folder that contains `dist/cli.js`. */
  package?: string;
  /** The maximum lifetime, in milliseconds. */
  lifeLimit?: number;
}

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** `pongcheck ...` in a separate process with a clean environment. */
export class Command {
  stdout = '';
  stderr = '';
  readonly process: ChildProcess;
  readonly #ended: Promise<Ended>;

  constructor(
    args: readonly string[],
    { env = {}, cwd = tmpdir(), package: folder = compiledPackage(), lifeLimit = LIFE_LIMIT }: CommandOptions = {},
  ) {
    const { PATH = '' } = process.env;
    const child = spawn(process.execPath, [join(folder, 'dist', 'cli.js'), ...args], {
      cwd,
      env: { PATH, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: lifeLimit,
      killSignal: 'SIGKILL',
    });
    this.process = child;
    child.stdout.setEncoding('utf8').on('data', (text) => {
      this.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      this.stderr += text;
    });
    this.#ended = once(child, 'close').then(([code, signal]) => ({
      code,
      signal,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  /** Resolves with the match when standard output matches. Rejects if the command ends first. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.stdout);
      if (match) return match;
      const more = new Promise((resolve) => this.process.stdout?.once('data', resolve));
      const end = await Promise.race([more.then(() => undefined), this.#ended]);
      if (end && !pattern.test(this.stdout)) throw new Error(`ended with ${end.code}: ${end.stdout}${end.stderr}`);
    }
  }

  ended(): Promise<Ended> {
    return this.#ended;
  }

  async kill(signal: NodeJS.Signals): Promise<Ended> {
    this.process.kill(signal);
    return this.#ended;
  }
}

/** Runs `pongcheck ...` until it ends. */
export function pongcheck(args: readonly string[], options?: CommandOptions): Promise<Ended> {
  return new Command(args, options).ended();
}
