import { type Clock, systemClock } from '../../common/clock.js';
import type { CheckDefinition, CheckSettings } from '../../health/check.js';
import { secretsOfMap } from '../../options/secrets.js';
import { invalidOption, parseCheckOptions } from '../parse-options.js';
import type { TlsOptions } from '../shared/tls.js';
import { readUrls } from '../shared/url.js';
import { RedisCheck } from './check.js';
import { RedisClientCheck } from './client-check.js';
import { ClientProbe, type RedisClient } from './client-probe.js';
import { importDriver } from './driver.js';
import type { RedisExpectations } from './evaluate.js';
import { loginOfSentinels, loginOfUrl, type SentinelOptions, targetOfLogin } from './login.js';
import { redisClientOptions, redisOptions } from './options.js';

const KIND = 'redis';

/** A server identified by a URL, directly or through Sentinels. */
export interface RedisUrlOptions extends CheckSettings, RedisExpectations {
  /**
   * `redis://USER:PASSWORD@HOST:PORT/DATABASE`, or `rediss://` for TLS. The default port is 6379, the default database
   * 0. With Sentinels: `redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME/DATABASE`, or `rediss+sentinel://` for
   * TLS with the Sentinels and the server. The default port is 26379.
   */
  url: string;
  /** Credentials for the Sentinels. */
  sentinel?: SentinelOptions;
  /** Enables and configures TLS. */
  tls?: TlsOptions;
}

/** A server identified by the application's client. */
export interface RedisClientOptions extends CheckSettings, RedisExpectations {
  /**
   * The application's client, from `ioredis` or `redis`, connected to one server. The check logs in with the client's
   * credentials on a dedicated connection. If that works, it also sends one PING over the client.
   */
  client: RedisClient;
}

export type RedisOptions = RedisUrlOptions | RedisClientOptions;

/**
 * Checks Redis with one PING per run on a dedicated connection, and with a new connection at least every 10 s. If the
 * server accepts no more connections, the check warns as long as the existing connection still answers
 * (`too-many-connections`). The observed value is the role, `primary` or `replica`, if known. A replica without a link
 * to its primary warns (`master-down`) while it serves stale data. A cluster node fails if `cluster_state` is not ok
 * (`cluster-down`).
 *
 * With `role`, a server with another role fails (`role`). With `write`, a server that does not accept the key fails
 * (`read-only`, `out-of-memory`). If the user may not run a command that these options require, the check warns.
 *
 * With Sentinels, each new connection uses the address returned by the first Sentinel to answer: the primary's address,
 * or with `role: 'replica'` that of a replica that is up. The Sentinels are queried again as soon as that server
 * changes its role or is lost. If no Sentinel answers, the check warns as long as the existing connection answers.
 *
 * With a `client`, the check distinguishes failures of the server from failures of the client. It reports
 * `pool-exhausted` if the server answers, but the client does not connect and answer within three quarters of the
 * remaining time. At most one PING of the check is outstanding on the client. A client that the application has not
 * connected yet is not used.
 *
 * @param clock time source, for tests.
 * @throws PongcheckError `PONGCHECK_CONFIG` for invalid options.
 */
export function redisCheck(given: RedisOptions, clock: Clock = systemClock): CheckDefinition {
  const { settings, options } = hasClient(given)
    ? parseCheckOptions<RedisClientOptions>(KIND, redisClientOptions, given)
    : parseCheckOptions<RedisUrlOptions>(KIND, redisOptions, given);
  const definition = { ...settings, kind: KIND, nonBlocking: true, componentType: 'datastore', load: importDriver };
  if ('client' in options) {
    const probe = new ClientProbe(options.client);
    const check = new RedisClientCheck(new RedisCheck(probe.login, options, clock), probe, clock);
    const { password, sentinelPassword } = probe.login;
    return {
      ...definition,
      target: targetOfLogin(probe.login),
      run: (signal, deadline, _hops, connected) => check.run(signal, deadline, connected),
      close: () => check.close(),
      secrets: secretsOfMap({ password, sentinelPassword }),
    };
  }
  const { url: text, role = 'any', sentinel, tls } = options;
  const urls = readUrls(KIND, text, ['redis', 'rediss', 'redis+sentinel', 'rediss+sentinel']);
  const isSentinel = urls[0].protocol.endsWith('+sentinel:');
  if (!isSentinel && urls.length > 1)
    throw invalidOption(KIND, ['url'], 'a URL with several hosts', 'one host, or redis+sentinel://');
  if (!isSentinel && sentinel)
    throw invalidOption(KIND, ['sentinel'], 'given without redis+sentinel://', 'only with a redis+sentinel:// URL');
  const login = isSentinel ? loginOfSentinels(urls, role, sentinel ?? {}, tls) : loginOfUrl(urls[0], tls);
  const check = new RedisCheck(login, options, clock);
  return {
    ...definition,
    target: targetOfLogin(login),
    run: (signal, deadline, _hops, connected) => check.run(signal, deadline, connected),
    close: () => check.close(),
  };
}

function hasClient(options: RedisOptions): options is RedisClientOptions {
  return typeof options === 'object' && options !== null && 'client' in options && options.client !== undefined;
}
