import type { Redis, RedisOptions } from 'ioredis';
import { openSocket, RedisStream } from './stream.js';

export type Driver = new (options: RedisOptions) => Redis;
type Connector = NonNullable<RedisOptions['Connector']>;

/** What a server says to one command: an error of its own, or an answer. */
export type Reply = readonly [error: Error | null, answer?: unknown];

export type Command = readonly [string, ...string[]];

/** How long we wait for the driver to see that the connection has ended, in ms. */
const END_WAIT_MS = 250;

/** One connection to a server, which is never made again by itself. */
export class RedisSession {
  /** The connection has ended, by whomever. */
  lost = false;
  /** The true cause of an end: the driver tells it only here. */
  private cause: unknown;
  private stream: RedisStream | undefined;
  private readonly client: Redis;

  constructor(
    Driver: Driver,
    readonly login: RedisOptions,
  ) {
    this.client = new Driver({
      ...login,
      Connector: this.connector(),
      lazyConnect: true,
      // Nothing is kept for a connection to come, nothing is tried again behind our back.
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
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

  /** Whether the server has said anything. */
  get hasReceived(): boolean {
    return this.stream?.hasReceived === true;
  }

  /** Connects and logs in. Rejects with the true cause. */
  async open(): Promise<void> {
    await this.withCause(this.client.connect());
    if (this.cause !== undefined) throw this.cause;
  }

  /**
   * What the server says to each of these commands. They leave in one write: the second of two would break on a server
   * that turned us away, before its reason is read. Rejects with the true cause.
   */
  async exchange(commands: readonly Command[]): Promise<readonly Reply[]> {
    const pipeline = this.client.pipeline();
    for (const [name, ...args] of commands) pipeline.call(name, ...args);
    const replies = (await this.withCause(pipeline.exec())) ?? [];
    return replies.map(([error, answer]) => [error && this.causeOf(error), answer]);
  }

  /** Ends it; whoever waits for it is withCause. Settles when it has ended, within a quarter of a second. */
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
    await ended;
  }

  /** What the driver connects with: it gets a stream that is checked. */
  private connector(): Connector {
    const { login } = this;
    let isOver = false;
    const connect = async () => {
      const stream = new RedisStream(await openSocket(login), Boolean(login.tls));
      this.stream = stream;
      if (isOver) stream.destroy();
      await stream.ready;
      return stream;
    };
    const disconnect = () => {
      isOver = true;
      // Without a FIN, for whose answer it would wait where a server stands still.
      this.stream?.destroy();
    };
    class StreamConnector {
      readonly connect = connect;
      readonly disconnect = disconnect;
      readonly check = () => true;
    }
    // Its declaration wants fields of its own class that nothing reads.
    return StreamConnector as unknown as Connector;
  }

  private async withCause<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw this.causeOf(error);
    }
  }

  /** What the server said, also where it then broke the connection; else why that ended. */
  private causeOf<T>(error: T): T {
    const { cause } = this;
    return cause === undefined || (isReply(error) && !isReply(cause)) ? error : (cause as T);
  }
}

/** Whether it came from the server. */
export function isReply(error: unknown): boolean {
  return (error as { name?: unknown }).name === 'ReplyError';
}
