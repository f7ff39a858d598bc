import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { start } from './process.js';

/** A server of bench/servers in a process of its own. */
export async function startNode(file, ...args) {
  const path = fileURLToPath(new URL(`servers/${file}`, import.meta.url));
  const child = start('server', process.execPath, ['--expose-gc', path, ...args]);
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
