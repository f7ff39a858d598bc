import { formatValue } from '../../options/format-value.js';
import { invalidOption } from '../parse-options.js';

/** Parameters that a driver would obey and that we do not: unsafe to pass over in silence. */
const connectionParameter = /^(?:ssl|tls|socket|unix)/i;

/**
 * Reads the URL of a dependency.
 *
 * @param schemes those of its kind, without the colon, such as `mysql`.
 * @param parameters those that its kind understands. Others say what the
 *   application's own driver should do (`?connection_limit=5`) and are passed
 *   over, but not those that say how to connect.
 * @throws PongcheckError `PONGCHECK_CONFIG`; nothing of the text is shown that could be a credential.
 */
export function readUrl(
  kind: string,
  text: string,
  schemes: readonly string[],
  parameters: readonly string[] = [],
): URL {
  const allowedForms = schemes.map((scheme) => `${scheme}://[USER:PASSWORD@]HOST[:PORT][/PATH]`).join(' or ');
  const invalid = (found: string, allowed = allowedForms) => invalidOption(kind, ['url'], found, allowed);
  if (!URL.canParse(text)) throw invalid('a text that is no URL');
  const url = new URL(text);
  const scheme = url.protocol.slice(0, -1);
  if (!schemes.includes(scheme)) throw invalid(`of the scheme ${formatValue(scheme)}`);
  if (url.hostname === '') throw invalid('without a host');
  for (const part of ['username', 'password', 'pathname'] as const) {
    if (!isDecodable(url[part])) throw invalid(`one with a broken %-sequence in its ${part}`, '%25 for a %');
  }
  // A password that holds one of /?# has to have it encoded; what stands behind it would be taken for the host.
  if (url.hash !== '') throw invalid('one with a #', '%23 for a #');
  if (!scheme.startsWith('http') && /@/.test(url.pathname + url.search)) {
    throw invalid('one with an @ behind its host', '%2F for a / and %3F for a ? in a password');
  }
  for (const name of url.searchParams.keys()) {
    if (!connectionParameter.test(name) || parameters.includes(name)) continue;
    throw invalid(
      `one with the parameter ${formatValue(name)}`,
      [...parameters.map((known) => `?${known}=true`), 'the option tls'].join(' or '),
    );
  }
  return url;
}

/**
 * Reads a URL of several hosts, `SCHEME://[USER:PASSWORD@]HOST[:PORT],HOST[:PORT]/PATH`, as one URL for each, which
 * differ in their hosts only.
 */
export function readUrls(kind: string, text: string, schemes: readonly string[]): readonly [URL, ...URL[]] {
  const [, before = '', hosts = '', after = ''] = /^([^/?#]*:\/\/(?:[^/?#]*@)?)([^/?#]*)(.*)$/s.exec(text) ?? [text];
  const [first, ...more] = hosts.split(',').map((host) => readUrl(kind, before + host + after, schemes));
  return [first as URL, ...more];
}

/** The host as a socket takes it: an IPv6 address without its brackets. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

/** The credentials of a URL, decoded where they can be; undefined where it has none. */
export function loginOf({ username, password }: URL): { user: string | undefined; password: string | undefined } {
  const decoded = (text: string) => (text === '' ? undefined : isDecodable(text) ? decodeURIComponent(text) : text);
  return { user: decoded(username), password: decoded(password) };
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
