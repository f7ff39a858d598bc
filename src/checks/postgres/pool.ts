import { formatValue } from '../../options/format-value.js';
import { invalidOption } from '../parse-options.js';
import { orAbort } from '../shared/deadline.js';
import type { PgClientClass } from './driver.js';

/** A pool of `pg`: `new Pool(...)`. */
export interface PostgresPool {
  connect: (...given: never[]) => unknown;
  query: (...given: never[]) => unknown;
}

/** The parts of a pool that are used here. `options` and `Client` are undocumented, and the same in every pg 8. */
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
  /** @param destroy closes the connection. */
  release(destroy?: boolean): void;
}

/** Connections of a pool, and requests waiting for one. */
export interface PoolCounts {
  readonly limit: number;
  readonly inUse: number;
  readonly free: number;
  readonly waiting: number;
}

/** @throws PongcheckError `PONGCHECK_CONFIG` if it is not a pool of pg. */
export function pgPool(given: PostgresPool): PgPool {
  const pool = given as Partial<PgPool>;
  const counts = [pool.totalCount, pool.idleCount, pool.waitingCount, pool.options?.max];
  if (typeof pool.Client === 'function' && counts.every(Number.isInteger)) return pool as PgPool;
  throw invalidOption('postgres', ['pool'], formatValue(given), 'a pg Pool');
}

/** Options of the connections of a pool. */
export function configOfPool({ options }: PgPool): Readonly<Record<string, unknown>> {
  // The pool has made its password not enumerable.
  return { ...options, ...(options.password !== undefined && { password: options.password }) };
}

/** Borrows a connection of the application's pool. At most one request of the check waits in it. */
export class PoolProbe {
  private isRequested = false;
  /** Receives the next connection; without one, it is returned at once. */
  private borrower: { take(client: PooledClient): void; fail(error: unknown): void } | undefined;
  private isQuerying = false;

  constructor(private readonly pool: PgPool) {}

  get counts(): PoolCounts {
    const { options, totalCount, idleCount, waitingCount } = this.pool;
    return { limit: options.max, inUse: totalCount - idleCount, free: idleCount, waiting: waitingCount };
  }

  /** Current step of the ping, for a message. */
  get state(): string {
    const { limit, inUse, waiting } = this.counts;
    if (this.isQuerying) return 'a pooled connection did not answer';
    return `the pool provided no connection (${inUse} of ${limit} in use, ${waiting} waiting)`;
  }

  /** Queries the server over a connection of the pool. One that has not answered when the signal fires is closed. */
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
      // A request that an earlier run has left in the queue serves this one.
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
