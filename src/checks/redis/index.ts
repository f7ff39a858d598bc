import { type Clock, systemClock } from '../../common/clock.js';
import type { CheckDefinition, CheckSettings } from '../../health/check.js';
import { invalidOption, parseCheckOptions } from '../parse-options.js';
import { secretsOfMap, secretsOfUrl } from '../shared/secrets.js';
import type { TlsOptions } from '../shared/tls.js';
import { readUrls } from '../shared/url.js';
import { RedisCheck } from './check.js';
import { RedisClientCheck } from './client-check.js';
import { ClientProbe, type RedisClient } from './client-probe.js';
import type { RedisExpectations } from './evaluate.js';
import { loginOfSentinels, loginOfUrl, type SentinelOptions } from './login.js';
import { redisClientOptions, redisOptions } from './options.js';

const KIND = 'redis';

/** A server, by its URL or by those of its Sentinels. */
export interface RedisUrlOptions extends CheckSettings, RedisExpectations {
  /**
   * `redis://USER:PASSWORD@HOST:PORT/DATABASE`, or `rediss://` for TLS; port 6379, database 0. Through Sentinels
   * `redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME/DATABASE`, or `rediss+sentinel://` for TLS with them and
   * with the server; port 26379.
   */
  url: string;
  /** How to log in at the Sentinels. */
  sentinel?: SentinelOptions;
  /** Turns TLS on, and says how. */
  tls?: TlsOptions;
}

/** A server, by the client that the application has. */
export interface RedisClientOptions extends CheckSettings, RedisExpectations {
  /**
   * The application's own client, of `ioredis` or of `redis`, for one server. The check logs in as it does, on a
   * connection of its own, and where that is well it also sends one PING over the client.
   */
  client: RedisClient;
}

export type RedisOptions = RedisUrlOptions | RedisClientOptions;

/**
 * Redis: one PING a run on a dedicated connection, and a new connection at
 * least every 10 s. Where the server has none left for a newcomer it warns as
 * long as the standing one still answers (`too-many-connections`). The observed
 * value is the role, `primary` or `replica`, where the server tells it. A
 * replica that has no link to its primary warns (`master-down`) while it
 * answers with old data. A node of a cluster fails where `cluster_state` is not
 * ok (`cluster-down`).
 *
 * With `role` a server of another role fails (`role`). With `write` a server
 * fails that does not take the key (`read-only`, `out-of-memory`). Where one of
 * these two may not be found out, it warns.
 *
 * With Sentinels each new connection goes to the address that the first of them
 * to answer gives: of the primary, or with `role: 'replica'` of a replica that
 * is up. They are asked again as soon as that has another role, or is gone.
 * Where none answers it warns as long as the standing connection does.
 *
 * With a `client` it tells besides whether that client is of use:
 * `pool-exhausted` where the server is well and the client is not connected, or
 * does not answer, within three quarters of the time that is left. The client
 * never keeps more than one PING of ours. One that the application has not
 * connected yet is left alone.
 *
 * @param clock where time comes from; for tests.
 * @throws PongcheckError `PONGCHECK_CONFIG` for options that make no sense.
 */
export function redis(given: RedisOptions, clock: Clock = systemClock): CheckDefinition {
  const { settings, options } = hasClient(given)
    ? parseCheckOptions<RedisClientOptions>(KIND, redisClientOptions, given)
    : parseCheckOptions<RedisUrlOptions>(KIND, redisOptions, given);
  const definition = { ...settings, kind: KIND, componentType: 'datastore', load: () => import('ioredis') };
  if ('client' in options) {
    const probe = new ClientProbe(options.client);
    const check = new RedisClientCheck(new RedisCheck(probe.login, options, clock), probe, clock);
    const { password, sentinelPassword } = probe.login;
    return {
      ...definition,
      run: (signal, deadline, _hops, connected) => check.run(signal, deadline, connected),
      close: () => check.close(),
      secrets: secretsOfMap({ password, sentinelPassword }),
    };
  }
  const { url: text, role = 'any', sentinel, tls } = options;
  const urls = readUrls(KIND, text, ['redis', 'rediss', 'redis+sentinel', 'rediss+sentinel']);
  const isSentinel = urls[0].protocol.endsWith('+sentinel:');
  if (!isSentinel && urls.length > 1)
    throw invalidOption(KIND, ['url'], 'of several hosts', 'one, or redis+sentinel://');
  if (!isSentinel && sentinel)
    throw invalidOption(KIND, ['sentinel'], 'given without redis+sentinel://', 'both or none');
  const login = isSentinel ? loginOfSentinels(urls, role, sentinel ?? {}, tls) : loginOfUrl(urls[0], tls);
  const check = new RedisCheck(login, options, clock);
  return {
    ...definition,
    run: (signal, deadline, _hops, connected) => check.run(signal, deadline, connected),
    close: () => check.close(),
    secrets: [...secretsOfUrl(urls[0]), ...secretsOfMap({ ...sentinel })],
  };
}

function hasClient(options: RedisOptions): options is RedisClientOptions {
  return typeof options === 'object' && options !== null && 'client' in options && options.client !== undefined;
}
