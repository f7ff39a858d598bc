import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis as Client } from 'ioredis';
import { DatabaseServer } from './database-server.js';
import { freePort, needProgram, ServerProcess } from './server-process.js';

const PACKAGES = 'redis-server (apt-get install -y --no-install-recommends redis-server), or set TEST_REDIS_URL';
const LOADING = /Loading RDB produced by/;

export interface RedisOptions {
  /** More flags of redis-server, such as `['--requirepass', 'pw']`. They win over the fixture's own. */
  args?: readonly string[];
}

/**
 * A private Redis on a random port of 127.0.0.1, in a folder of its own, ready
 * within 0.1 s. It keeps no data over a `restart`.
 *
 * With `TEST_REDIS_URL` set it stands for that server instead, which is not
 * ours: `own` is false, and freeze, thaw, kill and restart throw. Put the
 * trials that need them under `ownServer('TEST_REDIS_URL')`.
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

  /** `redis://USER:PASSWORD@HOST:PORT/0`; without credentials by default (of a given server: its own). */
  url({ user, password, host = this.host, port = this.port }: Partial<RedisLogin> = {}): string {
    const url = new URL(this.given ?? 'redis://127.0.0.1/0');
    url.hostname = host;
    url.port = String(port);
    if (user !== undefined) url.username = encodeURIComponent(user);
    if (password !== undefined) url.password = encodeURIComponent(password);
    return url.href;
  }

  /** Sends one command on a connection that lives only for it. `password` is that of the server, if it wants one. */
  async command(words: readonly [string, ...(string | number)[]], password?: string): Promise<unknown> {
    const client = new Client(this.url(password === undefined ? {} : { password }), {
      lazyConnect: true,
      protocol: 2,
      enableReadyCheck: false,
      disableClientInfo: true,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    });
    // The command rejects with what matters.
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

  /** Makes it a replica of another; resolves when it has its data and follows. */
  async follow(primary: { host: string; port: number }): Promise<void> {
    await this.command(['REPLICAOF', primary.host, primary.port]);
    await this.linked(true);
  }

  /** Resolves when a replica follows its primary, or has lost it. */
  async linked(wanted: boolean): Promise<void> {
    for (;;) {
      const [, , , link] = (await this.command(['ROLE'])) as unknown[];
      if ((link === 'connected') === wanted) return;
    }
  }

  /**
   * Restarts it with a large set of data that it really loads, slowly: Redis'
   * own setting `key-load-delay` makes it sleep at each key. Resolves when it
   * has begun to load; `loaded()` ends that.
   */
  async restartLoading(): Promise<void> {
    await this.command(['DEBUG', 'POPULATE', 100_000]);
    await this.command(['SAVE']);
    await this.mine.kill();
    const slowly = ['--key-load-delay', '1000', '--loading-process-events-interval-bytes', '1024'];
    await this.mine.start([...this.args, ...slowly], LOADING);
  }

  /** Lets it load at full speed; resolves when it is ready. */
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
