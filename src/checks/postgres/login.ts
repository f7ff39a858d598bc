import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { loginOf } from '../../options/secrets.js';
import { invalidOption } from '../parse-options.js';
import { readTls, type TlsOptions } from '../shared/tls.js';
import { datastoreTarget, hostOf, readUrl } from '../shared/url.js';

const KIND = 'postgres';
/** Values of the `sslmode` parameter, and whether they enable TLS. With TLS, the certificate is always verified. */
const sslModes: Readonly<Record<string, boolean>> = { disable: false, require: true, 'verify-full': true };

/** Server address and credentials. */
export interface PostgresAddress {
  /**
   * `postgres://USER:PASSWORD@HOST:PORT/DATABASE` or `postgresql://...`. The default port is 5432. `?sslmode=require`
   * enables TLS.
   */
  url?: string;
  /** Host name, IP address, or directory of a Unix socket. Replaces `url`. */
  host?: string;
  /** @default 5432 */
  port?: number;
  user?: string;
  password?: string;
  database?: string;
  /** Enables and configures TLS. */
  tls?: TlsOptions;
}

/**
 * Connection options for the driver.
 *
 * @throws PongcheckError `PONGCHECK_CONFIG` for an invalid or missing address.
 */
export function loginOfAddress({ url: text, tls, ...parts }: PostgresAddress): Readonly<Record<string, unknown>> {
  if (text === undefined) {
    if (parts.host === undefined) throw invalidOption(KIND, ['url'], 'missing', 'url, or host');
    return configOf(parts, tls);
  }
  const [extra] = Object.entries(parts).find(([, value]) => value !== undefined) ?? [];
  if (extra !== undefined) throw invalidOption(KIND, [extra], 'given together with url', 'only without url');
  const url = readUrl(KIND, text, ['postgres', 'postgresql'], { sslmode: 'require' });
  const mode = url.searchParams.get('sslmode');
  if (mode !== null && !Object.hasOwn(sslModes, mode)) {
    const allowed = `?sslmode=${Object.keys(sslModes).join(', ?sslmode=')} or the option tls`;
    throw invalidOption(KIND, ['url'], 'a URL with an unknown value of the parameter sslmode', allowed);
  }
  const database = decodeURIComponent(url.pathname.slice(1)) || undefined;
  const port = url.port === '' ? undefined : Number(url.port);
  const usesTls = mode !== null && sslModes[mode];
  return configOf({ host: hostOf(url), port, database, ...loginOf(url) }, tls ?? (usesTls ? {} : undefined));
}

/** Readable name of the server in a configuration; undefined if the driver selects the server. */
export function targetOfConfig(config: Readonly<Record<string, unknown>>): string | undefined {
  const { connectionString } = config;
  if (typeof connectionString === 'string') {
    if (!URL.canParse(connectionString)) return undefined;
    const url = new URL(connectionString);
    return targetOf(hostOf(url), url.port, url.pathname.slice(1));
  }
  const { host, port, database } = config;
  return typeof host === 'string' ? targetOf(host, port, database) : undefined;
}

function targetOf(host: string, port: unknown, database: unknown): string | undefined {
  if (host === '') return undefined;
  const server = { host, port: Number(port || 5432) };
  const path = host.startsWith('/') ? `${host}/.s.PGSQL.${server.port}` : undefined;
  return datastoreTarget('postgres', { ...server, path }, database);
}

interface Parts {
  readonly host?: string;
  readonly port?: number | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly database?: string | undefined;
}

function configOf({ host, port = 5432, user, password, database }: Parts, tls?: TlsOptions): Record<string, unknown> {
  const { servername, ...material } = tls ? readTls(KIND, tls) : {};
  const identity = (_host: string, certificate: PeerCertificate) =>
    checkServerIdentity(servername as string, certificate);
  return {
    host,
    port,
    ...(user !== undefined && { user }),
    ...(database !== undefined && { database }),
    // Given as a function, because the driver would replace a missing password with the one in PGPASSWORD or ~/.pgpass.
    password: () => password,
    // Must not be undefined, because the driver would read PGSSLMODE.
    ssl: tls ? { ...material, ...(servername !== undefined && { checkServerIdentity: identity }) } : false,
  };
}
