import { CheckFailure } from '../../health/reason.js';
import type { PgClient, PgClientClass, PgResult } from './driver.js';
import { postgresFailure } from './failure.js';

/** Idle time before the kernel sends keep-alive probes, in milliseconds. */
const KEEP_ALIVE_MS = 5000;
/** Maximum time to wait for the server to close the connection, in milliseconds. */
const END_TIMEOUT_MS = 200;
/** Maximum number of bytes received for a login or a query, because the driver buffers messages of any length. */
const MAX_ANSWER_BYTES = 1_048_576;
/** Keeps values as text, regardless of the type parsers that the application has set. */
const asText = { getTypeParser: () => (text: string) => text };

/** One connection to a server. */
export class PostgresSession {
  private readonly client: PgClient;
  private isLost = false;
  private received = 0;
  /** The limit that the server exceeded. */
  private violation: CheckFailure | undefined;

  constructor(Client: PgClientClass, config: Readonly<Record<string, unknown>>) {
    this.client = new Client({
      ...config,
      application_name: 'pongcheck',
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      // The caller enforces the deadline.
      connectionTimeoutMillis: 0,
    });
    const lose = () => {
      this.isLost = true;
    };
    this.client.on('error', lose).on('end', lose);
    const { connection } = this.client;
    connection.once(connection.ssl ? 'sslconnect' : 'connect', () => {
      connection.stream.on('data', (chunk: Buffer) => this.count(chunk));
    });
  }

  /** Whether the connection has ended. */
  get lost(): boolean {
    return this.isLost;
  }

  /** Connects and logs in. Rejects with a CheckFailure, also when the session is destroyed. */
  async open(): Promise<void> {
    await this.withReason(this.client.connect());
  }

  /** Runs statements in one transaction. Resolves with the result of each statement. Otherwise like `open`. */
  async query(statements: readonly string[]): Promise<readonly PgResult[]> {
    this.received = 0;
    const results = await this.withReason(
      this.client.query({ text: statements.join(';\n'), rowMode: 'array', types: asText }),
    );
    return Array.isArray(results) ? results : [results as PgResult];
  }

  /** Closes the connection immediately. A pending query rejects. */
  destroy(): void {
    this.isLost = true;
    this.client.connection.stream.destroy();
  }

  /** Sends Terminate to the server and closes the connection. Resolves when the connection is closed, within 200 ms. */
  async end(): Promise<void> {
    if (this.lost) return this.destroy();
    this.isLost = true;
    const timer = setTimeout(() => this.client.connection.stream.destroy(), END_TIMEOUT_MS);
    await this.client.end();
    clearTimeout(timer);
  }

  private count(chunk: Buffer): void {
    this.received += chunk.length;
    if (this.received <= MAX_ANSWER_BYTES) return;
    this.violation ??= new CheckFailure('protocol', `the answer exceeds the limit of ${MAX_ANSWER_BYTES} bytes`);
    this.destroy();
  }

  private async withReason<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw this.violation ?? postgresFailure(error);
    }
  }
}
