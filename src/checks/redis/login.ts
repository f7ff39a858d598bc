import type { RedisOptions } from 'ioredis';
import { loginOf } from '../../options/secrets.js';
import { invalidOption } from '../parse-options.js';
import { readTls, type TlsOptions } from '../shared/tls.js';
import { datastoreTarget, hostOf, serverOf } from '../shared/url.js';

/** Credentials for the Sentinels. */
export interface SentinelOptions {
  /** Default: none. */
  username?: string;
  /** Default: none. The password in the URL is for the server only. */
  password?: string;
}

/** Server address and credentials from a URL. */
export function loginOfUrl(url: URL, tls: TlsOptions | undefined): RedisOptions {
  return { host: hostOf(url), port: Number(url.port || 6379), ...credentialsOf(url, url.pathname, tls) };
}

/** The server that the Sentinels in a URL monitor under the name in the path. `urls` differ only in their hosts. */
export function loginOfSentinels(
  urls: readonly [URL, ...URL[]],
  role: 'any' | 'primary' | 'replica',
  sentinel: SentinelOptions,
  tls: TlsOptions | undefined,
): RedisOptions {
  const [url] = urls;
  const [, name = '', path = ''] = /^\/?([^/]*)(.*)$/.exec(url.pathname) ?? [];
  if (name === '')
    throw invalidOption(
      'redis',
      ['url'],
      'a URL without a name',
      'HOST:PORT,HOST:PORT/NAME, with the name known to the Sentinels',
    );
  const login = credentialsOf(url, path, tls);
  return {
    ...login,
    sentinels: urls.map((each) => ({ host: hostOf(each), port: Number(each.port || 26_379) })),
    name: decodeURIComponent(name),
    role: role === 'replica' ? 'slave' : 'master',
    ...(sentinel.username !== undefined && { sentinelUsername: sentinel.username }),
    ...(sentinel.password !== undefined && { sentinelPassword: sentinel.password }),
    ...(login.tls && { sentinelTLS: login.tls, enableTLSForSentinelMode: true }),
  };
}

function credentialsOf(url: URL, path: string, tls: TlsOptions | undefined): RedisOptions {
  const { user, password } = loginOf(url);
  const [, database] = /^\/?(\d{1,5})?$/.exec(path) ?? [undefined, ''];
  if (database === '')
    throw invalidOption('redis', ['url'], 'a URL whose database is not a number', 'a path such as /0, or none');
  return {
    db: Number(database ?? 0),
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password }),
    ...((tls || url.protocol.startsWith('rediss')) && { tls: readTls('redis', tls ?? {}) }),
  };
}

/** Readable name of the server in a login. */
export function targetOfLogin({
  host = 'localhost',
  port = 6379,
  path,
  db,
  sentinels,
  name,
  tls,
}: RedisOptions): string {
  const scheme = tls ? 'rediss' : 'redis';
  if (sentinels)
    return `${scheme}+sentinel://${sentinels.map((one) => serverOf(one.host ?? '', one.port ?? 26_379)).join()}/${name}`;
  return datastoreTarget(scheme, { host, port, path: path ?? undefined }, db);
}

/** Options of an ioredis client that determine where it connects and how it logs in. */
const loginKeys = [
  'host',
  'port',
  'path',
  'family',
  'username',
  'password',
  'db',
  'tls',
  'keyPrefix',
  'Connector',
  'sentinels',
  'name',
  'role',
  'sentinelUsername',
  'sentinelPassword',
  'sentinelTLS',
  'enableTLSForSentinelMode',
  'natMap',
] as const satisfies readonly (keyof RedisOptions)[];

/** Server address and credentials of an ioredis client. */
export function loginOfIoredis(options: RedisOptions): RedisOptions {
  const given = loginKeys.filter((key) => options[key] !== undefined && options[key] !== null);
  return Object.fromEntries(given.map((key) => [key, options[key]]));
}

/** The options of a `redis` client that are used here. */
export interface NodeRedisOptions {
  readonly username?: string;
  readonly password?: string;
  readonly database?: number;
  readonly credentialsProvider?: unknown;
  readonly socket?: { readonly host?: string; readonly port?: number; readonly path?: string; readonly tls?: boolean };
}

/** Server address and credentials of a `redis` client. */
export function loginOfNodeRedis(options: NodeRedisOptions): RedisOptions {
  const { username, password, database: db = 0, credentialsProvider, socket = {} } = options;
  if (credentialsProvider && password === undefined) {
    throw invalidOption(
      'redis',
      ['client'],
      'a client with a credentials provider',
      'a client with a password, or without credentials',
    );
  }
  const { host = 'localhost', port = 6379, path, tls, ...secure } = socket;
  return {
    ...(path === undefined ? { host, port } : { path }),
    db,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: secure }),
  };
}
