import { MASK } from '../../common/mask.js';
import { hostAndPort } from '../../net/address.js';
import { formatValue } from '../../options/format-value.js';
import { isDecodable } from '../../options/secrets.js';
import { invalidOption } from '../parse-options.js';

/** Parameters that a driver would apply to the connection but this check does not. Ignoring them would be unsafe. */
const connectionParameter = /^(?:ssl|tls|socket|unix)/i;

/**
 * Parses the URL of a dependency.
 *
 * @param schemes accepted schemes without a colon, such as `mysql`.
 * @param parameters supported parameters, each with the value that enables TLS. Other parameters configure the
 * application's driver (`?connection_limit=5`) and are ignored, except those that affect how to connect.
 * @throws PongcheckError `PONGCHECK_CONFIG`, without any part of the URL that may be a credential.
 */
export function readUrl(
  kind: string,
  text: string,
  schemes: readonly string[],
  parameters: Readonly<Record<string, string>> = {},
): URL {
  const allowedForms = schemes.map((scheme) => `${scheme}://[USER:PASSWORD@]HOST[:PORT][/PATH]`).join(' or ');
  const invalid = (found: string, allowed = allowedForms) => invalidOption(kind, ['url'], found, allowed);
  if (!URL.canParse(text)) throw invalid('not a valid URL');
  const url = new URL(text);
  const scheme = url.protocol.slice(0, -1);
  if (!schemes.includes(scheme)) throw invalid(`a URL with the scheme ${formatValue(scheme)}`);
  if (url.hostname === '') throw invalid('a URL without a host');
  if (url.port === '0') throw invalid('a URL with port 0');
  for (const part of ['username', 'password', 'pathname'] as const) {
    if (!isDecodable(url[part])) throw invalid(`a URL with an invalid %-sequence in its ${part}`, '%25 for a %');
  }
  // A password that contains one of /?# must be encoded. Otherwise, the rest of the password would be parsed as the
  // host.
  if (url.hash !== '') throw invalid('a URL with a #', '%23 for a #');
  if (!scheme.startsWith('http') && /@/.test(url.pathname + url.search)) {
    throw invalid('a URL with an @ after its host', '%2F for a / and %3F for a ? in a password');
  }
  for (const name of url.searchParams.keys()) {
    if (!connectionParameter.test(name) || Object.hasOwn(parameters, name)) continue;
    throw invalid(
      `a URL with the parameter ${formatValue(name)}`,
      [...Object.entries(parameters).map(([known, value]) => `?${known}=${value}`), 'the option tls'].join(' or '),
    );
  }
  return url;
}

/** Parses a URL with several hosts, `SCHEME://[USER:PASSWORD@]HOST[:PORT],HOST[:PORT]/PATH`, into one URL per host. */
export function readUrls(kind: string, text: string, schemes: readonly string[]): readonly [URL, ...URL[]] {
  const [, before = '', hosts = '', after = ''] = /^([^/?#]*:\/\/(?:[^/?#]*@)?)([^/?#]*)(.*)$/s.exec(text) ?? [text];
  const [first, ...more] = hosts.split(',').map((host) => readUrl(kind, before + host + after, schemes));
  return [first as URL, ...more];
}

/** `HOST:PORT`, with an IPv6 address in brackets. */
export function serverOf(host: string, port: number): string {
  return hostAndPort({ kind: 'tcp', host, port });
}

/**
 * A path segment that is likely a secret, as in a webhook URL: it contains a digit and 20 or more consecutive token
 * characters.
 */
const secretPart = /(?=[^/]*\d)[^/]*[\w-]{20}[^/]*/g;

/** The URL without credentials and parameters, for messages. */
export function targetOfUrl({ protocol, host, pathname }: URL): string {
  // An @ in a path could be mistaken for the end of credentials.
  const path = pathname.replace(secretPart, MASK).replaceAll('@', '%40');
  return `${protocol}//${host}${path === '/' ? '' : path}`;
}

/**
 * Readable name of a datastore's server and database: `redis://HOST:PORT/2`, or `redis:///run/redis.sock 2`. In the
 * latter, a database after a / would look like a part of the path.
 *
 * @param path path of a Unix socket, which replaces host and port.
 */
export function datastoreTarget(
  scheme: string,
  { host, port, path }: { host: string; port: number; path?: string | undefined },
  database: unknown,
): string {
  const server = path ?? serverOf(host, port);
  return `${scheme}://${server}${database ? `${path === undefined ? '/' : ' '}${database}` : ''}`;
}

/** The host for a socket: an IPv6 address has no brackets. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}
