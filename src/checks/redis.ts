import type { CheckDefinition, CheckSettings } from '../health/check.js';
import { partOptions } from './options.js';
import { RedisCheck } from './redis-check.js';
import { loginOfUrl } from './redis-login.js';
import type { RedisDemands } from './redis-verdict.js';
import { secretsOfUrl } from './secrets.js';
import type { TlsOptions } from './tls.js';
import { readUrl } from './url.js';

const KIND = 'redis';

export interface RedisOptions extends CheckSettings, RedisDemands {
  /** `redis://USER:PASSWORD@HOST:PORT/DATABASE`, or `rediss://` for TLS; port 6379, database 0. */
  url: string;
  /** Turns TLS on, and says how. */
  tls?: TlsOptions;
}

/**
 * Redis: one PING a run on a dedicated connection. The observed value is the
 * role, `primary` or `replica`, where the server tells it. A replica that has
 * no link to its primary warns (`master-down`) while it answers with old data.
 *
 * With `role: 'primary'` a replica fails (`role`). With `write` a server fails
 * that does not take the key (`read-only`, `out-of-memory`). Where one of these
 * two may not be found out, it warns.
 *
 * @throws PongcheckError `PONGCHECK_CHECK` for options that make no sense.
 */
export function redis(given: RedisOptions): CheckDefinition {
  const { settings, options } = partOptions<RedisOptions>(KIND, given);
  const url = readUrl(KIND, options.url, ['redis', 'rediss']);
  const check = new RedisCheck(loginOfUrl(url, options.tls), options);
  return {
    ...settings,
    kind: KIND,
    componentType: 'datastore',
    run: (signal) => check.run(signal),
    close: () => check.close(),
    secrets: secretsOfUrl(url),
  };
}
