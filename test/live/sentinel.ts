import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis as Client } from 'ioredis';
import { freePort, needProgram, ServerProcess } from './server-process.js';

const PACKAGES = 'redis-server (apt-get install -y --no-install-recommends redis-server)';
const READY = /\+monitor master/;

/** An hour, so that a frozen Sentinel or a busy machine causes no failover that a test did not request. */
const DOWN_AFTER_MS = 3_600_000;

/**
 * A Redis Sentinel on a random port of 127.0.0.1 that monitors one primary. It fails over only on SENTINEL FAILOVER.
 */
export class Sentinel {
  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly process: ServerProcess,
  ) {}

  /** @param lines additional configuration lines, such as `requirepass pw`. */
  static async start(name: string, primary: { host: string; port: number }, lines: readonly string[] = []) {
    const port = await freePort();
    const folder = await mkdtemp(join(tmpdir(), 'pongcheck-sentinel-'));
    const file = join(folder, 'sentinel.conf');
    const own = [`bind 127.0.0.1`, `port ${port}`, `dir ${folder}`];
    const watched = [
      `sentinel monitor ${name} ${primary.host} ${primary.port} 1`,
      `sentinel down-after-milliseconds ${name} ${DOWN_AFTER_MS}`,
    ];
    await writeFile(file, [...own, ...watched, ...lines, ''].join('\n'));
    const server = new ServerProcess(needProgram(PACKAGES, 'redis-server', 'valkey-server'), folder);
    await server.start([file, '--sentinel'], READY);
    return new Sentinel(port, folder, server);
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Sends one command on a separate connection. */
  async command(words: readonly [string, ...(string | number)[]]): Promise<unknown> {
    const client = new Client(this.port, {
      lazyConnect: true,
      protocol: 2,
      enableReadyCheck: false,
      disableClientInfo: true,
      retryStrategy: () => null,
    });
    // The command rejects with the relevant error.
    client.on('error', () => {});
    await client.connect();
    try {
      const [name, ...args] = words;
      return await client.call(name, args.map(String));
    } finally {
      const ended = new Promise((resolve) => client.once('end', resolve));
      client.disconnect();
      await ended;
    }
  }

  /** Resolves when the answer to this command is as wanted. */
  async until(words: readonly [string, ...(string | number)[]], isWanted: (answer: unknown) => boolean): Promise<void> {
    while (!isWanted(await this.command(words))) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  freeze(): Promise<void> {
    return this.process.freeze();
  }

  thaw(): void {
    this.process.thaw();
  }

  kill(): Promise<void> {
    return this.process.kill();
  }

  /** Kills the Sentinel and removes its folder. */
  async stop(): Promise<void> {
    await this.process.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}
