import { type ChildProcess, spawn } from 'node:child_process';
import { CheckFailure, reasonOf, statusOf } from '../../health/reason.js';

/** A program and how to start it. */
export interface Program {
  /** Absolute path. */
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** In bytes. */
  readonly maxOutput: number;
}

/** How a program has ended. */
export interface Ended {
  /** Null if a signal terminated the program. */
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/**
 * Starts a program in its own process group. Kills that group when the program has ended, when `signal` fires, or when
 * the output is too long. Settles only when the program has ended, so that a program that cannot be killed is not
 * started again.
 */
export function execute({ command, args, env, maxOutput }: Program, signal: AbortSignal): Promise<Ended> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    let child: ChildProcess;
    try {
      child = spawn(command, args, { cwd: '/', env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    } catch (error) {
      reject(startFailure(command, error as NodeJS.ErrnoException));
      return;
    }
    let failure: unknown;
    const kill = (why: unknown) => {
      failure ??= why;
      killGroup(child);
    };
    const onAbort = () => kill(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    let room = maxOutput;
    const collect = (stream: ChildProcess['stdout'], chunks: Buffer[]) => {
      stream?.on('data', (chunk: Buffer) => {
        if (chunk.length <= room) chunks.push(chunk);
        else {
          stream.destroy();
          kill(new CheckFailure('bad-body', `the program wrote more than ${maxOutput} bytes`));
        }
        room -= chunk.length;
      });
    };
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    collect(child.stdout, stdout);
    collect(child.stderr, stderr);
    const release = () => {
      signal.removeEventListener('abort', onAbort);
      child.stdout?.destroy();
      child.stderr?.destroy();
    };
    child.once('error', (error) => {
      release();
      reject(startFailure(command, error));
    });
    child.once('exit', (code, endedBy) => {
      // Terminates background children of the program.
      killGroup(child);
      // A process outside the group may keep the pipes open. Everything that the program itself wrote can be read at
      // the next poll.
      setImmediate(() =>
        setImmediate(() => {
          release();
          if (failure === undefined)
            resolve({ code, signal: endedBy, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) });
          else reject(failure);
        }),
      );
    });
  });
}

/** The program is its group's leader. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // No process is left in the group.
  }
}

const descriptions: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist, or its interpreter does not',
  ENOTDIR: 'does not exist',
  EACCES: 'is not executable',
};

function startFailure(command: string, error: NodeJS.ErrnoException): CheckFailure {
  const { code = 'no code' } = error;
  // The user has reached its process limit, which says nothing about the dependency.
  const status = code === 'EAGAIN' ? 'unknown' : statusOf(error);
  return new CheckFailure(reasonOf(error), `${command} ${descriptions[code] ?? 'cannot be started'} (${code})`, {
    status,
  });
}
