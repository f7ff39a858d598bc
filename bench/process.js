import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [serverCore, generatorCore = serverCore] = allowedCores();
const hasTaskset = spawnSync('taskset', ['--version']).status === 0;

/** Whether server and generator have one core each. Otherwise the system's scheduler places them. */
export const pinned = hasTaskset && serverCore !== generatorCore;

const running = new Set();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

/**
 * Starts a command on the core for its role.
 * @param {'server' | 'generator'} role
 * @param {string} command
 * @param {string[]} args
 */
export function start(role, command, args) {
  const core = role === 'server' ? serverCore : generatorCore;
  const child = pinned ? spawn('taskset', ['-c', String(core), command, ...args]) : spawn(command, args);
  running.add(child);
  let complaint = '';
  child.stderr.on('data', (bytes) => {
    complaint += bytes;
  });
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  }).finally(() => running.delete(child));
  ended.catch(() => {}); // the error is reported where a line or the end is awaited
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

  const fail = () => {
    throw new Error(`the ${role} ended: ${complaint.trim() || `exit code ${child.exitCode}`}`);
  };

  return {
    pid: child.pid,
    write: (text) => child.stdin.write(text),
    /** Returns the next output line. If the process ends instead, throws an error with its output. */
    async line() {
      const { value, done } = await lines.next();
      if (!done) return value;
      await ended;
      return fail();
    },
    /** Closes its input and waits until it exits successfully. */
    async finish() {
      child.stdin.end();
      await ended;
      if (child.exitCode !== 0) fail();
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Lets a server also run on the generator's core. */
export function unpin(pid) {
  const cores = `${serverCore},${generatorCore}`;
  if (pinned) execFileSync('taskset', ['--all-tasks', '--pid', '--cpu-list', cores, String(pid)]);
}

/** Cores that this process may use, in ascending order. */
function allowedCores() {
  const [, list] = /^Cpus_allowed_list:\s*(.+)$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
