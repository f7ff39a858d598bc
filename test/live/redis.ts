import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis as Client } from 'ioredis';
import { freePort, needProgram, ServerProcess } from './server-process.js';

const PACKAGES = 'redis-server (apt-get install -y --no-install-recommends redis-server), or set TEST_REDIS_URL';
const READY = /Ready to accept connections/;
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
export class Redis {
  private constructor(
    readonly host: string,
    readonly port: number,
    private readonly given: URL | undefined,
    private readonly folder: string,
    private readonly process: ServerProcess | undefined,
    private readonly args: readonly string[],
  ) {}

  static async start({ args = [] }: RedisOptions = {}): Promise<Redis> {
    const given = process.env.TEST_REDIS_URL;
    if (given) {
      const url = new URL(given);
      return new Redis(url.hostname, Number(url.port || 6379), url, '', undefined, []);
    }
    const program = needProgram(PACKAGES, 'redis-server', 'valkey-server');
    const port = await freePort();
    const folder = await mkdtemp(join(tmpdir(), 'pongcheck-redis-'));
    const all = [
      ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no', '--dir', folder],
      ['--enable-debug-command', 'yes', '--repl-diskless-sync-delay', '0'],
      args,
    ].flat();
    const server = new Redis('127.0.0.1', port, undefined, folder, new ServerProcess(program, folder), all);
    try {
      await server.restart();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** Whether it may be frozen, killed and restarted. */
  get own(): boolean {
    return this.process !== undefined;
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

  /** SIGSTOP; resolves when every thread stands. TCP connections to it are still accepted, by the kernel. */
  freeze(): Promise<void> {
    return this.mine.freeze();
  }

  /** SIGCONT. */
  thaw(): void {
    this.mine.thaw();
  }

  /** kill -9, also of a frozen one; its clients see a reset. */
  kill(): Promise<void> {
    return this.mine.kill();
  }

  /** Kills it if it runs, and starts it again on the same port; resolves when it is ready. */
  async restart(): Promise<void> {
    await this.mine.kill();
    await this.mine.start(this.args, READY);
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
    await this.mine.says(READY);
  }

  /** Kills it and removes its folder. Nothing happens to a given server. */
  async stop(): Promise<void> {
    await this.process?.kill();
    if (this.folder) await rm(this.folder, { recursive: true, force: true });
  }

  private get mine(): ServerProcess {
    if (!this.process) throw new Error('TEST_REDIS_URL names a server that is not ours to stop');
    return this.process;
  }
}

export interface RedisLogin {
  user: string;
  password: string;
  host: string;
  port: number;
}
