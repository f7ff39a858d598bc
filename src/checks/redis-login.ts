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
