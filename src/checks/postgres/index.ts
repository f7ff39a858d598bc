import { type Clock, systemClock } from '../../common/clock.js';
import type { CheckDefinition, CheckSettings } from '../../health/check.js';
import { secretsOfMap } from '../../options/secrets.js';
import { parseCheckOptions } from '../parse-options.js';
import { PoolCheck } from '../shared/pool-check.js';
import { PostgresCheck, type PostgresExpectations } from './check.js';
import { importDriver } from './driver.js';
import { postgresFailure } from './failure.js';
import { loginOfAddress, type PostgresAddress, targetOfConfig } from './login.js';
import { postgresOptions, postgresPoolOptions } from './options.js';
import { configOfPool, PoolProbe, type PostgresPool, pgPool } from './pool.js';

const KIND = 'postgres';

/** A server identified by its address. */
export interface PostgresAddressOptions extends CheckSettings, PostgresAddress, PostgresExpectations {}

/** A server identified by the application's connection pool. */
export interface PostgresPoolOptions extends CheckSettings, PostgresExpectations {
  /**
   * The application's pool: `new Pool()` of `pg`. The check logs in with the options of the pool on a dedicated
   * connection. If that works, it also borrows a connection from the pool for one query.
   */
  pool: PostgresPool;
}

export type PostgresOptions = PostgresAddressOptions | PostgresPoolOptions;

/**
 * Checks PostgreSQL with one query per run on a dedicated connection, and with a new connection at least every 10 s. If
 * the server accepts no more connections, the check warns as long as the existing connection still answers. The
 * observed values are the server's `role`, `primary` or `replica`, and, if it was read, its `lag`. Requires the package
 * `pg`.
 *
 * With `role`, a server with another role fails (`role`). With `role: 'primary'`, a read-only server fails too
 * (`read-only`). With `maxLag`, a replica that is further behind fails (`lag`). If the replica receives nothing from
 * its primary (`master-down`), the check assumes the last known lag plus the time since then. It warns until this sum
 * exceeds `maxLag`, then it fails.
 *
 * With a `pool`, the check distinguishes failures of the server from failures of the pool. It reports `pool-exhausted`
 * if the server answers, but the pool does not provide a connection that answers within three quarters of the remaining
 * time. The observed values are the pool's counts. At most one request of the check waits in the pool. A connection
 * that does not answer is removed from the pool.
 *
 * @param clock time source, for tests.
 * @throws PongcheckError `PONGCHECK_CONFIG` for invalid options.
 */
export function postgresCheck(given: PostgresOptions, clock: Clock = systemClock): CheckDefinition {
  if (!hasPool(given)) {
    const { settings, options } = parseCheckOptions<PostgresAddressOptions>(KIND, postgresOptions, given);
    const { query, role, maxLag, ...address } = options;
    const config = loginOfAddress(address);
    const check = new PostgresCheck(importDriver, config, options, clock);
    return {
      ...settings,
      kind: KIND,
      nonBlocking: true,
      componentType: 'datastore',
      load: importDriver,
      run: (signal, deadline, _hops, connected) => check.run(signal, deadline, connected),
      close: () => check.close(),
      target: targetOfConfig(config),
    };
  }
  const { settings, options } = parseCheckOptions<PostgresPoolOptions>(KIND, postgresPoolOptions, given);
  const pool = pgPool(options.pool);
  const config = configOfPool(pool);
  const dedicated = new PostgresCheck(async () => pool.Client, config, options, clock);
  const check = new PoolCheck(dedicated, new PoolProbe(pool), poolErrors, clock);
  return {
    ...settings,
    kind: KIND,
    nonBlocking: true,
    componentType: 'datastore',
    run: (signal, deadline, _hops, connected) => check.run(signal, deadline, connected),
    close: () => check.close(),
    target: targetOfConfig(config),
    secrets: secretsOfMap({ password: config.password, connectionString: config.connectionString }),
  };
}

const poolErrors = {
  failureOf: postgresFailure,
  noConnection:
    /^timeout exceeded when trying to connect|^Connection terminated due to connection timeout|^Cannot use a pool after/,
};

function hasPool(options: PostgresOptions): options is PostgresPoolOptions {
  return typeof options === 'object' && options !== null && 'pool' in options && options.pool !== undefined;
}
