import { redactor } from '../common/redact.js';
import { isPlain } from './path.js';

const MAX_LENGTH = 60;
/** In a single configuration value, white space before the last @ is also part of a password. */
const userInfo = /([a-z][a-z0-9+.-]*:\/\/)[^]*@/gi;
const redact = redactor([]);

/** Returns the text on one line, and masks everything that is or looks like a credential. */
export function hideCredentials(text: string): string {
  return redact(text.replace(userInfo, '$1***@'));
}

/** Formats a value for an error message: short, on one line, and without credentials. */
export function formatValue(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'missing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return isPlain(value) ? 'an object' : `an instance of ${classOf(value)}`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  if (typeof value === 'bigint') return 'a BigInt';
  return typeof value === 'string' ? quoted(value) : String(value);
}

/** For example `Map` or `Promise`. */
function classOf(value: object): string {
  const { constructor: type } = value;
  return typeof type === 'function' && type.name !== '' ? type.name : 'a class';
}

/**
 * Formats a value like `formatValue`, but replaces a string or number with its type, for values that may be a secret,
 * such as one with a missing key or missing quotes.
 */
export function formatType(value: unknown): string {
  if (typeof value === 'string') return 'a string';
  return typeof value === 'number' ? 'a number' : formatValue(value);
}

/** Returns a text in quotes, redacted and truncated. */
export function quoted(text: string): string {
  const masked = hideCredentials(text);
  return `"${masked.length > MAX_LENGTH ? `${masked.slice(0, MAX_LENGTH)}…` : masked}"`;
}
