import { formatValue } from '../../options/format-value.js';
import { invalidOption } from '../parse-options.js';
import { orAbort } from '../shared/deadline.js';
import type { PgClientClass } from './driver.js';

/** A `pg` pool: `new Pool(...)`. */
export interface PostgresPool {
  connect: (...given: never[]) => unknown;
  query: (...given: never[]) => unknown;
}

/**
 * The members of a pool that are used here. `options` and `Client` are undocumented, but the same in every version 8 of
 * pg.
 */
export interface PgPool {
  readonly options: Readonly<Record<string, unknown>> & { readonly max: number };
  readonly Client: PgClientClass;
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
  connect(): Promise<PooledClient>;
}

interface PooledClient {
  query(text: string): Promise<unknown>;
  /** @param destroy true closes the connection instead of returning it to the pool. */
  release(destroy?: boolean): void;
}

/** Number of pool connections, and of requests waiting for one. */
export interface PoolCounts {
  readonly limit: number;
  readonly inUse: number;
  readonly free: number;
  readonly waiting: number;
}

/** @throws PongcheckError `PONGCHECK_CONFIG` if the value is not a pg pool. */
export function pgPool(given: PostgresPool): PgPool {
  const pool = given as Partial<PgPool>;
  const counts = [pool.totalCount, pool.idleCount, pool.waitingCount, pool.options?.max];
  if (typeof pool.Client === 'function' && counts.every(Number.isInteger)) return pool as PgPool;
  throw invalidOption('postgres', ['pool'], formatValue(given), 'a pg Pool');
}

/** Connection options of a pool. */
export function configOfPool({ options }: PgPool): Readonly<Record<string, unknown>> {
  // A pool makes its password non-enumerable.
  return { ...options, ...(options.password !== undefined && { password: options.password }) };
}

/** Borrows a connection from the application's pool. At most one request of the check waits in the pool. */
export class PoolProbe {
  private isRequested = false;
  /** Receives the next connection. If there is no borrower, the connection is returned immediately. */
  private borrower: { take(client: PooledClient): void; fail(error: unknown): void } | undefined;
  private isQuerying = false;

  constructor(private readonly pool: PgPool) {}

  get counts(): PoolCounts {
    const { options, totalCount, idleCount, waitingCount } = this.pool;
    return { limit: options.max, inUse: totalCount - idleCount, free: idleCount, waiting: waitingCount };
  }

  /** Current step of the ping, for messages. */
  get state(): string {
    const { limit, inUse, waiting } = this.counts;
    if (this.isQuerying) return 'a pooled connection did not answer';
    return `the pool provided no connection (${inUse} of ${limit} in use, ${waiting} waiting)`;
  }

  /** Queries the server over a pool connection. A connection that has not answered when the signal fires is closed. */
  async ping(signal: AbortSignal): Promise<void> {
    const client = await this.borrow(signal);
    this.isQuerying = true;
    try {
      await orAbort(client.query('SELECT 1'), signal);
    } catch (error) {
      client.release(true);
      throw error;
    } finally {
      this.isQuerying = false;
    }
    client.release();
  }

  private borrow(signal: AbortSignal): Promise<PooledClient> {
    return new Promise((resolve, reject) => {
      const aborted = () => {
        this.borrower = undefined;
        reject(signal.reason);
      };
      if (signal.aborted) return aborted();
      signal.addEventListener('abort', aborted, { once: true });
      const removeListener = () => signal.removeEventListener('abort', aborted);
      this.borrower = {
        take: (client) => {
          removeListener();
          resolve(client);
        },
        fail: (error) => {
          removeListener();
          reject(error);
        },
      };
      // A request that an earlier run left in the queue also serves this run.
      if (!this.isRequested) void this.request();
    });
  }

  private async request(): Promise<void> {
    this.isRequested = true;
    try {
      const client = await this.pool.connect();
      const borrower = this.settle();
      if (borrower) borrower.take(client);
      else client.release();
    } catch (error) {
      this.settle()?.fail(error);
    }
  }

  private settle(): typeof this.borrower {
    const { borrower } = this;
    this.isRequested = false;
    this.borrower = undefined;
    return borrower;
  }
}
