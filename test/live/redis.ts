import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis as Client } from 'ioredis';
import { DatabaseServer } from './database-server.js';
import { freePort, needProgram, ServerProcess } from './server-process.js';

const PACKAGES = 'redis-server (apt-get install -y --no-install-recommends redis-server), or set TEST_REDIS_URL';
const LOADING = /Loading RDB produced by/;

export interface RedisOptions {
  /** Additional flags for redis-server, such as `['--requirepass', 'pw']`. They override the flags of the fixture. */
  args?: readonly string[];
}

/**
 * A private Redis on a random port of 127.0.0.1, in its own folder, ready within 0.1 s. It loses its data on `restart`.
 *
 * If `TEST_REDIS_URL` is set, it represents that server instead. In that case, `own` is false, and freeze, thaw, kill
 * and restart throw. Use `ownServer('TEST_REDIS_URL')` for tests that need these methods.
 */
export class Redis extends DatabaseServer {
  protected readonly readyLine = /Ready to accept connections/;

  static async start({ args = [] }: RedisOptions = {}): Promise<Redis> {
    const given = process.env.TEST_REDIS_URL;
    if (given) {
      const url = new URL(given);
      return new Redis({ host: url.hostname, port: Number(url.port || 6379), given: url });
    }
    const program = needProgram(PACKAGES, 'redis-server', 'valkey-server');
    const port = await freePort();
    const folder = await mkdtemp(join(tmpdir(), 'pongcheck-redis-'));
    const all = [
      ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no', '--dir', folder],
      ['--enable-debug-command', 'yes', '--repl-diskless-sync-delay', '0'],
      args,
    ].flat();
    const server = new Redis({
      host: '127.0.0.1',
      port,
      folder,
      process: new ServerProcess(program, folder),
      args: all,
    });
    try {
      await server.restart();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** `redis://USER:PASSWORD@HOST:PORT/0`. Default: without credentials, or with those of a given server. */
  url({ user, password, host = this.host, port = this.port }: Partial<RedisLogin> = {}): string {
    const url = new URL(this.given ?? 'redis://127.0.0.1/0');
    url.hostname = host;
    url.port = String(port);
    if (user !== undefined) url.username = encodeURIComponent(user);
    if (password !== undefined) url.password = encodeURIComponent(password);
    return url.href;
  }

  /** Sends one command on a separate connection. `password` is the password of the server, if it requires one. */
  async command(words: readonly [string, ...(string | number)[]], password?: string): Promise<unknown> {
    const client = new Client(this.url(password === undefined ? {} : { password }), {
      lazyConnect: true,
      protocol: 2,
      enableReadyCheck: false,
      disableClientInfo: true,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    });
    // The command rejects with the relevant error.
    client.on('error', () => {});
    try {
      await client.connect();
      const [name, ...args] = words;
      return await client.call(name, args.map(String));
    } finally {
      const ended = new Promise((resolve) => client.once('end', resolve));
      const open = client.status !== 'end' && client.status !== 'wait';
      client.disconnect();
      if (open) await ended;
    }
  }

  /** Makes this server a replica of another one. Resolves when it has the data and is connected. */
  async follow(primary: { host: string; port: number }): Promise<void> {
    await this.command(['REPLICAOF', primary.host, primary.port]);
    await this.linked(true);
  }

  /** Resolves when a replica is connected to its primary, or has lost it. */
  async linked(wanted: boolean): Promise<void> {
    for (;;) {
      const [, , , link] = (await this.command(['ROLE'])) as unknown[];
      if ((link === 'connected') === wanted) return;
    }
  }

  /**
   * Restarts the server with a large data set, which it loads slowly because the Redis setting `key-load-delay` makes
   * it sleep at each key. Resolves when loading has begun. `loaded()` ends it.
   */
  async restartLoading(): Promise<void> {
    await this.command(['DEBUG', 'POPULATE', 100_000]);
    await this.command(['SAVE']);
    await this.mine.kill();
    const slowly = ['--key-load-delay', '1000', '--loading-process-events-interval-bytes', '1024'];
    await this.mine.start([...this.args, ...slowly], LOADING);
  }

  /** Lets the server load at full speed. Resolves when it is ready. */
  async loaded(): Promise<void> {
    await this.command(['CONFIG', 'SET', 'key-load-delay', 0]);
    await this.mine.says(this.readyLine);
  }
}

export interface RedisLogin {
  user: string;
  password: string;
  host: string;
  port: number;
}
