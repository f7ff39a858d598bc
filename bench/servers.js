import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compiled } from './compile.js';
import { start } from './process.js';

const pathOf = (file) => fileURLToPath(new URL(`servers/${file}`, import.meta.url));

/** Starts a server in bench/servers in its own process. */
export const startNode = (file, ...args) => obeying(process.execPath, ['--expose-gc', pathOf(file), ...args]);

/** Starts a server with Bun. */
export const startBun = (file) => obeying(findBun(), [pathOf(file)]);

let bun;
/**
 * Returns the path of Bun. npm installs Bun into its cache if necessary. Throws if the registry does not provide it.
 */
export function findBun() {
  bun ??= execFileSync('npx', ['--yes', '--package', 'bun@1', '--', 'sh', '-c', 'command -v bun'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
  return bun;
}

/** Starts a C server in bench/servers. It has no garbage collection. */
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
    async collectGarbage() {}, // Redis frees the buffers of its clients by itself, within seconds.
    async stop() {
      await child.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Redis cannot report a port chosen by the system, so it gets one that was free a moment ago. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
