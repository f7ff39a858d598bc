import { redactor } from '../health/redact.js';

const MAX_SHOWN = 60;
/** In one value of a configuration even white space in front of the last @ belongs to a password. */
const userInfo = /([a-z][a-z0-9+.-]*:\/\/)[^]*@/gi;
const redact = redactor([]);

/** The text on one line, without what is or looks like a credential. */
export function hideCredentials(text: string): string {
  return redact(text.replace(userInfo, '$1***@'));
}

/** A value as a sentence may name it. */
export function found(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  return typeof value === 'string' ? quoted(value) : String(value);
}

/** A text in quotes, redacted and cut. */
export function quoted(text: string): string {
  const open = hideCredentials(text);
  return `"${open.length > MAX_SHOWN ? `${open.slice(0, MAX_SHOWN)}…` : open}"`;
}
