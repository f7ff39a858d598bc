import { loginOf } from './url.js';

/** Names of headers, parameters and options whose value is nobody else's business. */
const secretName =
  /auth|token|secret|passw|passphrase|pwd|cookie|session|credential|signature|api[-_]?key|access[-_]?key|private[-_]?key/i;
/** What stands before the secret itself: `Bearer abc`. */
const scheme = /^(?:basic|bearer|digest|token)\s+/i;

/** The password of a URL, its whole user part as it is written and as HTTP sends it, and its parameters that are secret. */
export function secretsOfUrl(url: URL): string[] {
  const { user = '', password } = loginOf(url);
  const secrets = secretsOfMap(Object.fromEntries(url.searchParams));
  if (password === undefined) return secrets;
  const pair = `${user}:${password}`;
  return [...secrets, password, url.password, pair, Buffer.from(pair).toString('base64')];
}

/** Texts in `map`, at any depth, whose name says that they are secret. */
export function secretsOfMap(map: object): string[] {
  return Object.entries(map).flatMap(([name, value]) => {
    if (typeof value === 'object' && value !== null) return secretsOfMap(value);
    if (typeof value !== 'string' || !secretName.test(name)) return [];
    return [value, value.replace(scheme, '')];
  });
}
