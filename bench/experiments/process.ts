import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** CPU seconds used so far by all threads of a process, in user mode and in the kernel. */
export function cpuSeconds({ pid }: { pid: number }): number {
  const tasks = `/proc/${pid}/task`;
  const nanoseconds = readdirSync(tasks).map((task) =>
    Number(readFileSync(join(tasks, task, 'schedstat'), 'utf8').split(' ')[0]),
  );
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e9;
}

/** Resident memory of a process, in bytes. */
export function resident({ pid }: { pid: number }): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1024;
}

/** Number of open sockets of a process. */
export function socketsOf({ pid }: { pid: number }): number {
  const folder = `/proc/${pid}/fd`;
  const target = (name: string) => {
    try {
      return readlinkSync(join(folder, name));
    } catch {
      return ''; // closed in the meantime
    }
  };
  return readdirSync(folder).filter((name) => target(name).startsWith('socket:')).length;
}
