import { redactor } from '../common/redact.js';

const MAX_SHOWN = 60;
/** In one value of a configuration even white space in front of the last @ belongs to a password. */
const userInfo = /([a-z][a-z0-9+.-]*:\/\/)[^]*@/gi;
const redact = redactor([]);

/** The text on one line, without what is or looks like a credential. */
export function hideCredentials(text: string): string {
  return redact(text.replace(userInfo, '$1***@'));
}

/** A value as an error names it: short, on one line, without credentials. */
export function formatValue(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'missing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  if (typeof value === 'bigint') return 'a BigInt';
  return typeof value === 'string' ? quoted(value) : String(value);
}

/** A text in quotes, redacted and cut. */
export function quoted(text: string): string {
  const open = hideCredentials(text);
  return `"${open.length > MAX_SHOWN ? `${open.slice(0, MAX_SHOWN)}…` : open}"`;
}
