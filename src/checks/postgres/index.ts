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

/** A server identified by the connection pool of the application. */
export interface PostgresPoolOptions extends CheckSettings, PostgresExpectations {
  /**
   * The application's pool, `new Pool()` of `pg`. The check logs in with the options of the pool on a dedicated
   * connection; if that works, it also borrows a connection of the pool for one query.
   */
  pool: PostgresPool;
}

export type PostgresOptions = PostgresAddressOptions | PostgresPoolOptions;

/**
 * Checks PostgreSQL: one query per run on a dedicated connection, and a new connection at least every 10 s. If the
 * server accepts no more connections, the check warns as long as the existing one still answers. The observed values
 * are its `role`, `primary` or `replica`, and its `lag`, if it is read. Requires the package `pg`.
 *
 * With `role`, a server with another role fails (`role`), and with `role: 'primary'` a read-only one too (`read-only`).
 * With `maxLag`, a replica that is further behind fails (`lag`). If it
 * receives nothing from its primary (`master-down`), the lag is at most the last known lag plus the time since: the
 * check warns until that exceeds `maxLag`, then it fails.
 *
 * With a `pool`, the check separates failures of server and pool: `pool-exhausted` if the server answers but the
 * pool provides no connection, or none that answers, within three quarters of the remaining time. The observed value is
 * the counts of the pool. At most one request of the check waits in the pool; a connection that does not answer is
 * removed from it.
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
