import { type Clock, systemClock } from '../clock.js';
import type { CheckDefinition, CheckSettings } from '../health/check.js';
import { partOptions } from './options.js';
import { RedisCheck } from './redis-check.js';
import { ClientVisitor, type RedisClient } from './redis-client.js';
import { loginOfUrl } from './redis-login.js';
import { OwnRedisCheck } from './redis-own.js';
import type { RedisDemands } from './redis-verdict.js';
import { secretsOfMap, secretsOfUrl } from './secrets.js';
import type { TlsOptions } from './tls.js';
import { readUrl } from './url.js';

const KIND = 'redis';

/** A server, by its URL. */
export interface RedisUrlOptions extends CheckSettings, RedisDemands {
  /** `redis://USER:PASSWORD@HOST:PORT/DATABASE`, or `rediss://` for TLS; port 6379, database 0. */
  url: string;
  /** Turns TLS on, and says how. */
  tls?: TlsOptions;
}

/** A server, by the client that the application has. */
export interface RedisClientOptions extends CheckSettings, RedisDemands {
  /**
   * The application's own client, of `ioredis` or of `redis`, for one server. The check logs in as it does, on a
   * connection of its own, and where that is well it also sends one PING over the client.
   */
  client: RedisClient;
}

export type RedisOptions = RedisUrlOptions | RedisClientOptions;

/**
 * Redis: one PING a run on a dedicated connection. The observed value is the
 * role, `primary` or `replica`, where the server tells it. A replica that has
 * no link to its primary warns (`master-down`) while it answers with old data.
 *
 * With `role: 'primary'` a replica fails (`role`). With `write` a server fails
 * that does not take the key (`read-only`, `out-of-memory`). Where one of these
 * two may not be found out, it warns.
 *
 * With a `client` it tells besides whether that client is of use:
 * `pool-exhausted` where the server is well and the client is not connected, or
 * does not answer, within three quarters of the time that is left. The client
 * never keeps more than one PING of ours. One that the application has not
 * connected yet is left alone.
 *
 * @param clock where time comes from; for tests.
 * @throws PongcheckError `PONGCHECK_CHECK` for options that make no sense.
 */
export function redis(given: RedisOptions, clock: Clock = systemClock): CheckDefinition {
  const { settings, options } = partOptions<RedisUrlOptions & Partial<RedisClientOptions>>(
    KIND,
    given as RedisUrlOptions,
    'client',
  );
  const definition = { ...settings, kind: KIND, componentType: 'datastore', load: () => import('ioredis') };
  if ('client' in options) {
    const visitor = new ClientVisitor(options.client);
    const check = new OwnRedisCheck(new RedisCheck(visitor.login, options), visitor, clock);
    const { password, sentinelPassword } = visitor.login;
    return {
      ...definition,
      run: (signal, deadline, _hops, connected) => check.run(signal, deadline, connected),
      close: () => check.close(),
      secrets: secretsOfMap({ password, sentinelPassword }),
    };
  }
  const url = readUrl(KIND, options.url, ['redis', 'rediss']);
  const check = new RedisCheck(loginOfUrl(url, options.tls), options);
  return {
    ...definition,
    run: (signal, _deadline, _hops, connected) => check.run(signal, connected),
    close: () => check.close(),
    secrets: secretsOfUrl(url),
  };
}
