import type { RedisOptions } from 'ioredis';
import { invalidOption } from '../parse-options.js';
import { readTls, type TlsOptions } from '../shared/tls.js';
import { hostOf, loginOf } from '../shared/url.js';

/** How to log in at Sentinels. */
export interface SentinelOptions {
  /** Default: none. */
  username?: string;
  /** Default: none. That of the URL is for the server. */
  password?: string;
}

/** The server of a URL. */
export function loginOfUrl(url: URL, tls: TlsOptions | undefined): RedisOptions {
  return { host: hostOf(url), port: Number(url.port || 6379), ...credentialsOf(url, url.pathname, tls) };
}

/** The server that the Sentinels of a URL know by the name in its path; `urls` differ in their hosts only. */
export function loginOfSentinels(
  urls: readonly [URL, ...URL[]],
  role: 'any' | 'primary' | 'replica',
  sentinel: SentinelOptions,
  tls: TlsOptions | undefined,
): RedisOptions {
  const [url] = urls;
  const [, name = '', path = ''] = /^\/?([^/]*)(.*)$/.exec(url.pathname) ?? [];
  if (name === '')
    throw invalidOption('redis', ['url'], 'without a name', 'HOST:PORT,HOST:PORT/NAME, as Sentinel knows it');
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
    throw invalidOption('redis', ['url'], 'one whose database is no number', 'a path such as /0, or none');
  return {
    db: Number(database ?? 0),
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password }),
    ...((tls || url.protocol.startsWith('rediss')) && { tls: readTls('redis', tls ?? {}) }),
  };
}

/** What decides where a client of ioredis connects to, and with what. */
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

/** The server of a client of ioredis. */
export function loginOfIoredis(options: RedisOptions): RedisOptions {
  const given = loginKeys.filter((key) => options[key] !== undefined && options[key] !== null);
  return Object.fromEntries(given.map((key) => [key, options[key]]));
}

/** What a client of `redis` says of itself. */
export interface NodeRedisOptions {
  readonly username?: string;
  readonly password?: string;
  readonly database?: number;
  readonly credentialsProvider?: unknown;
  readonly socket?: { readonly host?: string; readonly port?: number; readonly path?: string; readonly tls?: boolean };
}

/** The server of a client of `redis`. */
export function loginOfNodeRedis(options: NodeRedisOptions): RedisOptions {
  const { username, password, database: db = 0, credentialsProvider, socket = {} } = options;
  if (credentialsProvider && password === undefined) {
    throw invalidOption('redis', ['client'], 'one with a provider of credentials', 'one with a password, or none');
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
