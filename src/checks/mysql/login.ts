import { connect, isIP, type Socket } from 'node:net';
import type { ConnectionOptions } from 'mysql2';
import { loginOf } from '../../options/secrets.js';
import { invalidOption } from '../parse-options.js';
import { readTls, type TlsOptions } from '../shared/tls.js';
import { datastoreTarget, hostOf } from '../shared/url.js';
import type { MysqlLogin } from './session.js';

/**
 * Idle time before the kernel sends keep-alive probes, in milliseconds. The connection is closed 10 s later if none is
 * answered.
 */
const KEEP_ALIVE_MS = 5000;

/** Server address and credentials from a URL. */
export function loginOfUrl(url: URL, tls: TlsOptions | undefined): MysqlLogin {
  const host = hostOf(url);
  const database = decodeURIComponent(url.pathname.slice(1));
  const sslParameter = url.searchParams.get('ssl');
  if (sslParameter !== null && sslParameter !== 'true' && sslParameter !== 'false') {
    throw invalidOption(
      'mysql',
      ['url'],
      'a URL with an unknown value of the parameter ssl',
      '?ssl=true, ?ssl=false or the option tls',
    );
  }
  const material = tls || sslParameter === 'true' ? readTls('mysql', tls ?? {}) : undefined;
  const servername = material?.servername ?? host;
  if (material?.rejectUnauthorized && isIP(servername)) {
    throw invalidOption(
      'mysql',
      ['tls', 'servername'],
      'missing, and the host is an IP address',
      'the name in the server’s certificate, or tls.verify false',
    );
  }
  const port = Number(url.port || 3306);
  const { user, password } = loginOf(url);
  return {
    target: datastoreTarget('mysql', { host, port }, database),
    open: () => connectTo({ host, port }),
    servername,
    options: {
      ...(user !== undefined && { user }),
      ...(password !== undefined && { password }),
      ...(database && { database }),
      ...(material && { ssl: { ...material, verifyIdentity: material.rejectUnauthorized } }),
    },
  };
}

/** Pool options that determine how connections log in. */
const loginKeys = [
  'user',
  'password',
  'password2',
  'password3',
  'passwordSha1',
  'database',
  'ssl',
  'insecureAuth',
  'authPlugins',
  'authSwitchHandler',
  'enableCleartextPlugin',
] as const;

/** Connection options of a mysql2 pool, with its defaults applied. */
export type PoolLogin = Pick<ConnectionOptions, (typeof loginKeys)[number]> & {
  readonly host: string;
  readonly port: number;
  readonly socketPath?: string;
  readonly stream?: unknown;
};

/** Server address and credentials of a pool. */
export function loginOfPool(config: PoolLogin): MysqlLogin {
  const { host, port, socketPath, stream } = config;
  const given = loginKeys.filter((key) => config[key]).map((key) => [key, config[key]]);
  return {
    target: datastoreTarget('mysql', { host, port, path: socketPath || undefined }, config.database),
    open: () => {
      if (typeof stream === 'function') return stream({ config }) as Socket;
      return connectTo(socketPath ? { path: socketPath } : { host, port });
    },
    servername: host,
    options: Object.fromEntries(given),
  };
}

function connectTo(to: { path: string } | { host: string; port: number }): Socket {
  return connect({ ...to, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
}
