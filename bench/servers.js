import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compiled } from './compile.js';
import { start } from './process.js';

const pathOf = (file) => fileURLToPath(new URL(`servers/${file}`, import.meta.url));

/** A server of bench/servers in a process of its own. */
export const startNode = (file, ...args) => obeying(process.execPath, ['--expose-gc', pathOf(file), ...args]);

/** The same by Bun. */
export const startBun = (file) => obeying(findBun(), [pathOf(file)]);

let bun;
/** The path of Bun, which npm installs into its cache if it is not there. Throws if the registry does not have it. */
export function findBun() {
  bun ??= execFileSync('npx', ['--yes', '--package', 'bun@1', '--', 'sh', '-c', 'command -v bun'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
  return bun;
}

/** A server of bench/servers in C. It has no garbage. */
export async function startC(file) {
  const child = start('server', compiled(file.replace(/\.c$/, ''), [`servers/${file}`]), []);
  return { pid: child.pid, ...JSON.parse(await child.line()), async collectGarbage() {}, stop: child.stop };
}

async function obeying(command, args) {
  const child = start('server', command, args);
  const obey = async (command) => {
    child.write(`${command}\n`);
    await child.line();
  };
  return {
    pid: child.pid,
    ...JSON.parse(await child.line()),
    collectGarbage: () => obey('collect'),
    work: () => obey('work'),
    rest: () => obey('rest'),
    stop: child.stop,
  };
}

export async function startRedis() {
  const folder = await mkdtemp(join(tmpdir(), 'bench-redis-'));
  const port = await freePort();
  const child = start('server', 'redis-server', [
    ...['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no', '--dir', folder],
  ]);
  while (!(await child.line()).includes('Ready to accept connections')) continue;
  return {
    pid: child.pid,
    port,
    async collectGarbage() {}, // it frees what its clients no longer need by itself, within seconds
    async stop() {
      await child.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Redis cannot report a port that the system chose, so it gets one that was free a moment ago. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
