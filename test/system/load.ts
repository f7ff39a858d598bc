import { type Client, connect, type PingOptions } from '../../src/client.js';

/** A client that sends requests continuously. If it is `troubled`, it also sends requests that take long. */
export class Load {
  troubled = false;
  private stopped = false;
  private readonly loop: Promise<void>;
  /** Resolves when each check has its first result. */
  readonly settled: Promise<unknown>;

  private constructor(private readonly client: Client) {
    this.settled = this.refresh();
    this.loop = this.run();
  }

  static async start(port: number): Promise<Load> {
    return new Load(await connect(`pong://127.0.0.1:${port}`));
  }

  /** Gets a new result of the check that nothing else runs. */
  async refresh(): Promise<void> {
    await this.client.ping({ checks: ['slow'], maxAge: 0 });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.loop;
    await this.client.close();
  }

  private async run(): Promise<void> {
    const aside: Promise<unknown>[] = [];
    // Results are ignored here, because Prometheus is queried about them.
    const ask = (question?: PingOptions) => this.client.ping(question).catch(() => undefined);
    for (let at = 0; !this.stopped; at++) {
      await ask();
      if (this.troubled && at % 20 === 0) aside.push(ask({ checks: ['slow'], maxAge: 0, timeout: 4000 }));
      if (this.troubled && at % 10 === 5) aside.push(ask({ checks: ['slow'], maxAge: 0, timeout: 50 }));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await Promise.all(aside);
  }
}
