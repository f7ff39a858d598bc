import type { Redis, RedisOptions } from 'ioredis';
import { waitingClock } from '../../common/clock.js';
import { withTimeout } from '../../common/with-timeout.js';
import type { Driver } from './driver.js';
import { openSocket, RedisStream } from './stream.js';

type Connector = NonNullable<RedisOptions['Connector']>;

/** Reply to a command: an error or a value. */
export type Reply = readonly [error: Error | null, answer?: unknown];

export type Command = readonly [string, ...string[]];

/** Maximum time to wait until the driver reports the end of a connection, in milliseconds. */
const END_WAIT_MS = 250;

/** One connection to a server, without automatic reconnection. */
export class RedisSession {
  /** Whether the connection has ended. */
  lost = false;
  /** The actual cause of the end. The driver reports it only with an event. */
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
      // Prevents the driver from queuing or repeating commands.
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
      // The ready check would wait until LOADING has ended.
      enableReadyCheck: false,
      disableClientInfo: true,
      protocol: 2,
      // The caller enforces the deadline.
      connectTimeout: 0,
    });
    this.client.on('error', (error) => {
      this.cause ??= error;
    });
    this.client.once('end', () => {
      this.lost = true;
    });
  }

  /** Whether any data has been received. */
  get hasReceived(): boolean {
    return this.stream?.hasReceived === true;
  }

  /** Connects and logs in. Rejects with the actual cause. */
  async open(): Promise<void> {
    await this.withCause(this.client.connect());
    if (this.cause !== undefined) throw this.cause;
  }

  /**
   * Sends commands in one write, and resolves with the reply to each. If a server rejects the connection, a second
   * write would fail before the rejection reason is read. Rejects with the actual cause.
   */
  async exchange(commands: readonly Command[]): Promise<readonly Reply[]> {
    const pipeline = this.client.pipeline();
    for (const [name, ...args] of commands) pipeline.call(name, ...args);
    const replies = (await this.withCause(pipeline.exec())) ?? [];
    return replies.map(([error, answer]) => [error && this.causeOf(error), answer]);
  }

  /** Closes the connection; pending commands reject. Resolves when the connection is closed, within 250 ms. */
  async end(): Promise<void> {
    if (this.lost) return;
    const ended = new Promise<void>((resolve) => this.client.once('end', resolve));
    this.client.disconnect();
    await withTimeout(waitingClock, END_WAIT_MS, ended);
  }

  /** A connector for the driver that supplies a guarded stream. */
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
      // Closes without a FIN, because the driver would wait for the answer of an unresponsive server.
      this.stream?.destroy();
    };
    class StreamConnector {
      readonly connect = connect;
      readonly disconnect = disconnect;
      readonly check = () => true;
    }
    // The declared type requires private members that nothing reads.
    return StreamConnector as unknown as Connector;
  }

  private async withCause<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw this.causeOf(error);
    }
  }

  /** The server's error reply, even if the server then closed the connection. Otherwise the cause of the end. */
  private causeOf<T>(error: T): T {
    const { cause } = this;
    return cause === undefined || (isReply(error) && !isReply(cause)) ? error : (cause as T);
  }
}

/** Whether an error is an error reply from the server. */
export function isReply(error: unknown): boolean {
  return (error as { name?: unknown }).name === 'ReplyError';
}
