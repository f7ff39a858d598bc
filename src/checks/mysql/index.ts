import { type Clock, systemClock } from '../../common/clock.js';
import type { CheckDefinition, CheckSettings } from '../../health/check.js';
import { parseCheckOptions } from '../parse-options.js';
import { secretsOfMap, secretsOfUrl } from '../shared/secrets.js';
import type { TlsOptions } from '../shared/tls.js';
import { readUrl } from '../shared/url.js';
import { MysqlCheck, type MysqlExpectations } from './check.js';
import { loginOfPool, loginOfUrl } from './login.js';
import { mysqlOptions, mysqlPoolOptions } from './options.js';
import { corePool, type MysqlPool } from './pool.js';
import { MysqlPoolCheck } from './pool-check.js';

const KIND = 'mysql';

/** A server, by its URL. */
export interface MysqlUrlOptions extends CheckSettings, MysqlExpectations {
  /** `mysql://USER:PASSWORD@HOST:PORT/DATABASE` or `mariadb://`; port 3306, `?ssl=true` for TLS. */
  url: string;
  /** Turns TLS on, and says how. */
  tls?: TlsOptions;
}

/** A server, by the pool that the application has. */
export interface MysqlPoolOptions extends CheckSettings, MysqlExpectations {
  /**
   * The application's own pool: `createPool` of `mysql2` or of `mysql2/promise`. The check logs in as the pool does,
   * on a connection of its own, and where that is well it also borrows one of the pool, for one ping.
   */
  pool: MysqlPool;
}

export type MysqlOptions = MysqlUrlOptions | MysqlPoolOptions;

/**
 * MySQL or MariaDB: one query a run on a dedicated connection, and a new
 * connection at least every 10 s. Where the server has none left for a
 * newcomer it warns as long as the standing one still answers. The observed
 * value is the server's `read_only`.
 *
 * With `role: 'primary'` a server that is `read_only` fails (`read-only`). With
 * `maxLag` a replica that is further behind fails (`lag`), and the observed
 * value is its lag in seconds. Where it has stopped (`lag`) or lost its primary
 * (`master-down`) the lag is at most what was read last and the time since: it
 * warns until that is too much, and fails then. Where it may not be read it
 * warns; what is no replica has no lag.
 *
 * With a `pool` it tells besides whether that pool is of use: `pool-exhausted`
 * where the server is well and the pool gives no connection, or none that
 * answers, within three quarters of the time that is left. The observed value
 * is the pool's counts. The check waits in the pool's queue as the application
 * does, and is out of it when it ends; a connection that does not answer is
 * taken out of the pool.
 *
 * @param clock where time comes from; for tests.
 * @throws PongcheckError `PONGCHECK_CONFIG` for options that make no sense.
 */
export function mysqlCheck(options: MysqlOptions, clock: Clock = systemClock): CheckDefinition {
  const { settings, options: own } = hasPool(options)
    ? parseCheckOptions<Partial<MysqlUrlOptions> & MysqlPoolOptions>(KIND, mysqlPoolOptions, options)
    : parseCheckOptions<MysqlUrlOptions>(KIND, mysqlOptions, options);
  const definition = { ...settings, kind: KIND, componentType: 'datastore', load: () => import('mysql2') };
  if ('pool' in own) {
    const pool = corePool(own.pool);
    const login = loginOfPool(pool.config.connectionConfig);
    const check = new MysqlPoolCheck(new MysqlCheck(login, own, clock), pool, clock);
    const { password, password2, password3 } = login.options;
    return {
      ...definition,
      run: (signal, deadline, _hops, connected) => check.run(signal, deadline, connected),
      close: () => check.close(),
      secrets: secretsOfMap({ password, password2, password3 }),
    };
  }
  const url = readUrl(KIND, own.url, ['mysql', 'mariadb'], ['ssl']);
  const check = new MysqlCheck(loginOfUrl(url, own.tls), own, clock);
  return {
    ...definition,
    run: (signal, deadline, _hops, connected) => check.run(signal, deadline, connected),
    close: () => check.close(),
    secrets: secretsOfUrl(url),
  };
}

function hasPool(options: MysqlOptions): options is MysqlPoolOptions {
  return typeof options === 'object' && options !== null && 'pool' in options && options.pool !== undefined;
}
