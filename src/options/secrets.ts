import { withOneHost } from './network-types.js';
import { isMap } from './path.js';
import type { Shape } from './shape.js';

/** Keys, in any case, whose values are likely secrets. */
const secretKey = /auth|token|secret|pass|pwd|\bpin\b|cookie|session|cred|sig(?!nal)|key|private|salt|jwt/i;
/** Keys of a map whose values are not secret. */
const harmlessKeys: readonly string[] = ['host', 'port', 'path', 'database', 'user'];
/**
 * Minimum length of a secret, unless its key indicates one. Masking shorter values everywhere would affect ordinary
 * words.
 */
const MIN_LENGTH = 4;
/** Authorization scheme before a secret, as in `Bearer abc`. */
const scheme = /^(?:basic|bearer|digest|token)\s+/i;
const userKey = /^(?:user(?:name)?|login)$/i;

/**
 * Returns the secrets in options, at any depth: the values of options declared `secret`, the secrets in URLs, and the
 * secrets among the options of an open kind that no table lists.
 *
 * @param options values that fit the shape.
 */
export function secretsOf(shape: Shape, options: unknown): string[] {
  const { nonSecret } = isMap(options) ? options : {};
  return [...new Set(secretsAt(shape, '', options, Array.isArray(nonSecret) ? nonSecret : []))];
}

function secretsAt(shape: Shape, key: string, value: unknown, nonSecret: readonly string[]): string[] {
  const { row, keys, item, any, open } = shape;
  if (row?.secret) return secretsOfMap(isMap(value) ? value : { [key]: value }, nonSecret);
  if (row?.type.name === 'url') return secretsOfAddress(String(value));
  if (item && Array.isArray(value)) return value.flatMap((element) => secretsAt(item, key, element, nonSecret));
  if (!isMap(value)) return [];
  const entries = Object.entries(value);
  const secrets = entries.flatMap(([name, entry]) => {
    const below = keys.get(name) ?? any;
    return below ? secretsAt(below, name, entry, nonSecret) : [];
  });
  const others = open ? entries.filter(([name]) => !keys.has(name)) : [];
  return [...secrets, ...secretsOfMap(Object.fromEntries(others), nonSecret)];
}

/** Whether the value under a key is likely a secret. */
export function isSecretKey(key: string): boolean {
  return secretKey.test(key);
}

/** In a URL with several hosts, the credentials precede the first host. */
function secretsOfAddress(text: string): string[] {
  const url = withOneHost(text);
  return URL.canParse(url) ? secretsOfUrl(new URL(url)) : [];
}

/** Secrets in a URL: its password, its user information as written and as HTTP sends it, and its secret parameters. */
export function secretsOfUrl(url: URL): string[] {
  const { user = '', password } = loginOf(url);
  const secrets = [...url.searchParams].filter(([name]) => secretKey.test(name)).map(([, value]) => value);
  if (password === undefined) return secrets;
  const pair = `${user}:${password}`;
  return [...secrets, password, url.password, pair, Buffer.from(pair).toString('base64')];
}

/**
 * Secrets in a map with user-defined keys: all strings and numbers in it, at any depth. Excluded are values under a
 * harmless key, and short values whose key is not a likely secret.
 *
 * @param nonSecret additional keys whose values, at any depth, are not secret.
 */
export function secretsOfMap(map: object, nonSecret: readonly string[] = []): string[] {
  const visited = new Set<object>();
  const nonSecretKeys = new Set(nonSecret.map((key) => key.toLowerCase()));
  const read = (key: string, value: unknown): string[] => {
    const name = key.toLowerCase();
    if (nonSecretKeys.has(name)) return [];
    if (typeof value === 'object' && value !== null) return readObject(name, value);
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') return [];
    const text = String(value);
    const isSecret = !harmlessKeys.includes(name) && (text.length >= MIN_LENGTH || secretKey.test(name));
    return [...(isSecret ? variantsOf(text) : []), ...(URL.canParse(text) ? secretsOfUrl(new URL(text)) : [])];
  };
  const readObject = (key: string, value: object): string[] => {
    if (visited.has(value)) return [];
    visited.add(value);
    if (value instanceof URL || Buffer.isBuffer(value)) return read(key, String(value));
    if (Array.isArray(value)) return value.flatMap((element) => read(key, element));
    const entries = Object.entries(value);
    const secrets = entries.flatMap(([inner, one]) => read(inner, one));
    const users = entries.filter(([inner, one]) => userKey.test(inner) && typeof one === 'string');
    const pairs = users.flatMap(([, user]) => secrets.map((secret) => basic(`${user}:${secret}`)));
    return [...secrets, ...pairs];
  };
  return readObject('', map).filter((secret) => secret !== '');
}

/** A value as written, and the secret in it if it is an HTTP credentials value. */
function variantsOf(value: string): string[] {
  const credentials = value.replace(scheme, '');
  if (!/^basic\s/i.test(value)) return [value, credentials];
  const pair = Buffer.from(credentials, 'base64').toString();
  return [value, credentials, pair, pair.slice(pair.indexOf(':') + 1)];
}

function basic(pair: string): string {
  return Buffer.from(pair).toString('base64');
}

/** The credentials in a URL, decoded if possible; undefined if absent. */
export function loginOf({ username, password }: URL): { user: string | undefined; password: string | undefined } {
  const decoded = (text: string) => (text === '' ? undefined : isDecodable(text) ? decodeURIComponent(text) : text);
  return { user: decoded(username), password: decoded(password) };
}

/** Whether all %-sequences of a text are valid. */
export function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
