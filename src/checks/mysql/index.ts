import { type Clock, systemClock } from '../../common/clock.js';
import type { CheckDefinition, CheckSettings } from '../../health/check.js';
import { secretsOfMap } from '../../options/secrets.js';
import { parseCheckOptions } from '../parse-options.js';
import type { TlsOptions } from '../shared/tls.js';
import { readUrl } from '../shared/url.js';
import { MysqlCheck, type MysqlExpectations } from './check.js';
import { loadDriver } from './driver.js';
import { loginOfPool, loginOfUrl } from './login.js';
import { mysqlOptions, mysqlPoolOptions } from './options.js';
import { corePool, type MysqlPool } from './pool.js';
import { MysqlPoolCheck } from './pool-check.js';

const KIND = 'mysql';

/** A server identified by a URL. */
export interface MysqlUrlOptions extends CheckSettings, MysqlExpectations {
  /**
   * `mysql://USER:PASSWORD@HOST:PORT/DATABASE` or `mariadb://...`. The default port is 3306. `?ssl=true` enables TLS.
   */
  url: string;
  /** Enables and configures TLS. */
  tls?: TlsOptions;
}

/** A server identified by the application's connection pool. */
export interface MysqlPoolOptions extends CheckSettings, MysqlExpectations {
  /**
   * The application's pool: `createPool` of `mysql2` or `mysql2/promise`. The check logs in with the credentials of the
   * pool on a dedicated connection. If that works, it also borrows a connection from the pool for one ping.
   */
  pool: MysqlPool;
}

export type MysqlOptions = MysqlUrlOptions | MysqlPoolOptions;

/**
 * Checks MySQL or MariaDB with one query per run on a dedicated connection, and with a new connection at least every 10
 * s. If the server accepts no more connections, the check warns as long as the existing connection still answers. The
 * observed values are the server's `readOnly` and, if it was read, its `lag`.
 *
 * With `role: 'primary'`, a server that is `read_only` fails (`read-only`). With `maxLag`, a replica that is further
 * behind fails (`lag`). If replication has stopped (`lag`) or the primary is lost (`master-down`), the check assumes
 * the last known lag plus the time since then. It warns until this sum exceeds `maxLag`, then it fails. If the user may
 * not read the lag, the check warns. A server that is not a replica has no lag.
 *
 * With a `pool`, the check distinguishes failures of the server from failures of the pool. It reports `pool-exhausted`
 * if the server answers, but the pool does not provide a connection that answers within three quarters of the remaining
 * time. The observed values are the pool's counts. The check waits in the pool's queue like the application, and leaves
 * the queue when the run ends. A connection that does not answer is removed from the pool.
 *
 * @param clock time source, for tests.
 * @throws PongcheckError `PONGCHECK_CONFIG` for invalid options.
 */
export function mysqlCheck(options: MysqlOptions, clock: Clock = systemClock): CheckDefinition {
  const { settings, options: own } = hasPool(options)
    ? parseCheckOptions<Partial<MysqlUrlOptions> & MysqlPoolOptions>(KIND, mysqlPoolOptions, options)
    : parseCheckOptions<MysqlUrlOptions>(KIND, mysqlOptions, options);
  const definition = { ...settings, kind: KIND, nonBlocking: true, componentType: 'datastore', load: loadDriver };
  if ('pool' in own) {
    const pool = corePool(own.pool);
    const login = loginOfPool(pool.config.connectionConfig);
    const check = new MysqlPoolCheck(new MysqlCheck(login, own, clock), pool, clock);
    const { password, password2, password3 } = login.options;
    return {
      ...definition,
      target: login.target,
      run: (signal, deadline, _hops, connected) => check.run(signal, deadline, connected),
      close: () => check.close(),
      secrets: secretsOfMap({ password, password2, password3 }),
    };
  }
  const url = readUrl(KIND, own.url, ['mysql', 'mariadb'], { ssl: 'true' });
  const login = loginOfUrl(url, own.tls);
  const check = new MysqlCheck(login, own, clock);
  return {
    ...definition,
    target: login.target,
    run: (signal, deadline, _hops, connected) => check.run(signal, deadline, connected),
    close: () => check.close(),
  };
}

function hasPool(options: MysqlOptions): options is MysqlPoolOptions {
  return typeof options === 'object' && options !== null && 'pool' in options && options.pool !== undefined;
}
