import type { Redis, RedisOptions } from 'ioredis';

type Driver = new (options: RedisOptions) => Redis;

/** What a server says to one command: an error of its own, or an answer. */
export type Reply = readonly [error: Error | null, answer?: unknown];

/** How long we wait for the driver to see that the connection has ended, in ms. */
const END_WAIT_MS = 250;

/** One connection to a server, which is never made again by itself. */
export class RedisSession {
  /** The connection has ended, by whomever. */
  lost = false;
  /** The true cause of an end: the driver tells it only here. */
  private cause: unknown;
  private readonly client: Redis;

  constructor(Driver: Driver, login: RedisOptions) {
    this.client = new Driver({
      ...login,
      lazyConnect: true,
      // Nothing is kept for a connection to come, nothing is tried again behind our back.
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
      sentinelRetryStrategy: () => null,
      // It would wait for the end of LOADING.
      enableReadyCheck: false,
      disableClientInfo: true,
      protocol: 2,
      // The deadline is the caller's.
      connectTimeout: 0,
    });
    this.client.on('error', (error) => {
      this.cause ??= error;
    });
    this.client.once('end', () => {
      this.lost = true;
    });
  }

  /** Connects and logs in. Rejects with the true cause. */
  async open(): Promise<void> {
    await this.told(this.client.connect());
    if (this.cause !== undefined) throw this.cause;
  }

  /**
   * What the server says to each of these commands. They leave in one write: the second of two would break on a server
   * that turned us away, before its reason is read. Rejects with the true cause.
   */
  async exchange(commands: readonly (readonly [string, ...string[]])[]): Promise<readonly Reply[]> {
    const pipeline = this.client.pipeline();
    for (const [name, ...words] of commands) pipeline.call(name, ...words);
    const replies = (await this.told(pipeline.exec())) ?? [];
    return replies.map(([error, answer]) => [error && this.truth(error), answer]);
  }

  /** Ends it; whoever waits for it is told. Settles when it has ended, within a quarter of a second. */
  async end(): Promise<void> {
    if (this.lost) return;
    const ended = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, END_WAIT_MS);
      this.client.once('end', () => {
        clearTimeout(timer);
        resolve();
      });
    });
    this.client.disconnect();
    // The driver would wait for the FIN of a server that may stand still.
    this.client.stream?.destroy();
    await ended;
  }

  private async told<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw this.truth(error);
    }
  }

  /** What the server said, also where it then broke the connection; else why that ended. */
  private truth<T>(error: T): T {
    const { cause } = this;
    return cause === undefined || (isReply(error) && !isReply(cause)) ? error : (cause as T);
  }
}

/** Whether it came from the server. */
function isReply(error: unknown): boolean {
  return (error as { name?: unknown }).name === 'ReplyError';
}
