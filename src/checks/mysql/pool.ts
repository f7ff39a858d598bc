import { formatValue } from '../../options/format-value.js';
import { invalidOption } from '../parse-options.js';
import { orAbort } from '../shared/deadline.js';
import type { PoolLogin } from './login.js';

/** A pool of `mysql2` or `mysql2/promise`, as returned by `createPool`. */
export interface MysqlPool {
  getConnection: (...given: never[]) => unknown;
}

/**
 * The members of a callback pool that are used here. A promise pool contains a callback pool as `pool`. The last three
 * members are undocumented, but the same in every version 3 of mysql2.
 */
export interface CorePool {
  readonly config: { readonly connectionLimit: number; readonly connectionConfig: PoolLogin };
  getConnection(callback: (error: unknown, connection?: PooledConnection) => void): void;
  readonly _allConnections: { readonly length: number };
  readonly _freeConnections: { readonly length: number };
  readonly _connectionQueue: PoolQueue;
}

interface PoolQueue {
  readonly length: number;
  get(index: number): unknown;
  removeOne(index: number): unknown;
}

interface PooledConnection {
  ping(answer: (error: unknown) => void): void;
  release(): void;
  destroy(): void;
  readonly stream?: { destroy(): void };
}

/** Number of pool connections, and of requests waiting for one. Limit 0 = unlimited. */
export interface PoolCounts {
  readonly limit: number;
  readonly inUse: number;
  readonly free: number;
  readonly waiting: number;
}

/** @throws PongcheckError `PONGCHECK_CONFIG` if the value is not a mysql2 pool. */
export function corePool(given: unknown): CorePool {
  const { pool = given } = (given ?? {}) as { pool?: unknown };
  const { config, getConnection, _allConnections, _freeConnections, _connectionQueue } = (pool ?? {}) as CorePool;
  const isPool =
    typeof getConnection === 'function' &&
    typeof config?.connectionConfig?.host === 'string' &&
    typeof _connectionQueue?.removeOne === 'function' &&
    typeof _connectionQueue.get === 'function' &&
    [_allConnections, _freeConnections, _connectionQueue].every((list) => Number.isInteger(list?.length));
  if (!isPool)
    throw invalidOption(
      'mysql',
      ['pool'],
      formatValue(given),
      'a pool created with createPool() from mysql2 or mysql2/promise',
    );
  return pool as CorePool;
}

/** Borrows a connection from the application's pool, and leaves no request in its queue. */
export class PoolProbe {
  /** Number of connections requested but not yet received. It exceeds one only if the pool has a free connection. */
  private requested = 0;
  /** Callback of the current borrower. */
  private borrower: ((error: unknown, connection?: PooledConnection) => void) | undefined;
  private isPinging = false;

  constructor(private readonly pool: CorePool) {}

  get counts(): PoolCounts {
    const { config, _allConnections: all, _freeConnections: free, _connectionQueue: queue } = this.pool;
    return {
      limit: config.connectionLimit,
      inUse: all.length - free.length,
      free: free.length,
      waiting: queue.length,
    };
  }

  /** Whether the pool has reached its connection limit. */
  get isAtLimit(): boolean {
    const { config, _allConnections: all } = this.pool;
    return config.connectionLimit > 0 && all.length >= config.connectionLimit;
  }

  /** Current step of the ping, for messages. */
  get state(): string {
    const { limit, inUse, waiting } = this.counts;
    if (this.isPinging) return 'a pooled connection did not answer';
    return `the pool provided no connection (${inUse} of ${limit || 'any number'} in use, ${waiting} waiting)`;
  }

  /**
   * Pings the server over a pool connection. When the signal fires, the request is removed from the queue, or the
   * connection that has not answered is removed from the pool.
   */
  async ping(signal: AbortSignal): Promise<void> {
    const connection = await this.borrow(signal);
    if (signal.aborted) {
      connection.release();
      throw signal.reason;
    }
    try {
      this.isPinging = true;
      await orAbort(pong(connection), signal);
    } catch (error) {
      connection.destroy();
      // Without this, the driver would wait for the FIN of a server that may be unreachable.
      connection.stream?.destroy();
      throw error;
    } finally {
      this.isPinging = false;
    }
    connection.release();
  }

  private borrow(signal: AbortSignal): Promise<PooledConnection> {
    return new Promise((resolve, reject) => {
      let cancel = () => {};
      const aborted = () => {
        this.borrower = undefined;
        cancel();
        reject(signal.reason);
      };
      if (signal.aborted) return aborted();
      signal.addEventListener('abort', aborted, { once: true });
      this.borrower = (error, connection) => {
        signal.removeEventListener('abort', aborted);
        if (connection) resolve(connection);
        else reject(error);
      };
      // Waits for a connection that the pool is still opening for an earlier run, so that runs do not each open one.
      if (this.requested === 0 || this.counts.free > 0) cancel = this.request();
    });
  }

  /** Requests a connection from the pool. Returns a function that removes the request from the queue. */
  private request(): () => void {
    const { pool } = this;
    const queue = pool._connectionQueue;
    const before = queue.length;
    this.requested++;
    pool.getConnection((error, connection) => {
      this.requested--;
      const { borrower } = this;
      this.borrower = undefined;
      if (borrower) borrower(error, connection);
      else connection?.release();
    });
    if (queue.length === before) return () => {};
    // The entry may differ from the callback given here, because tracing libraries wrap it.
    const entry = queue.get(queue.length - 1);
    return () => {
      for (let at = queue.length - 1; at >= 0; at--) {
        if (queue.get(at) !== entry) continue;
        queue.removeOne(at);
        this.requested--;
        return;
      }
    };
  }
}

function pong(connection: PooledConnection): Promise<void> {
  return new Promise((resolve, reject) => connection.ping((error) => (error ? reject(error) : resolve())));
}
