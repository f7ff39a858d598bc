import { loginOf } from './url.js';

/** Keys, in any case, whose values are likely secrets. */
const secretKey = /auth|token|secret|pass|pwd|\bpin\b|cookie|session|cred|sig(?!nal)|key|private|salt|jwt/i;
/** Keys of a map whose values are not secret. */
const harmlessKeys: readonly string[] = ['host', 'port', 'path', 'database', 'user'];
/** Shorter values are secret only under a likely key. Masking them everywhere would affect ordinary words. */
const MIN_LENGTH = 4;
/** Authorization scheme before a secret, as in `Bearer abc`. */
const scheme = /^(?:basic|bearer|digest|token)\s+/i;
const userKey = /^(?:user(?:name)?|login)$/i;

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
