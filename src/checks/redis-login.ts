import type { RedisOptions } from 'ioredis';
import { refusal } from './options.js';
import { readTls, type TlsOptions } from './tls.js';
import { hostOf, loginOf } from './url.js';

/** The server of a URL. */
export function loginOfUrl(url: URL, tls: TlsOptions | undefined): RedisOptions {
  const { user, password } = loginOf(url);
  const [, database] = /^\/?(\d{1,5})?$/.exec(url.pathname) ?? [undefined, ''];
  if (database === '') throw refusal('redis', 'url', 'one whose database is no number', 'a path such as /0, or none');
  return {
    host: hostOf(url),
    port: Number(url.port || 6379),
    db: Number(database ?? 0),
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password }),
    ...((tls || url.protocol === 'rediss:') && { tls: readTls('redis', tls ?? {}) }),
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
    throw refusal('redis', 'client', 'one with a provider of credentials', 'one with a password, or none');
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
