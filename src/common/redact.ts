import { MASK, SecretMask } from './mask.js';

/** Maximum length of a redacted text, in characters. */
export const MAX_DESCRIPTION = 200;
/** Maximum number of input characters that are processed, to bound the work. */
const MAX_INPUT = 4096;
const MAX_ERRORS = 3;
/** Maximum number of values in an object that is formatted as JSON. */
const MAX_VALUES = 1000;

/** `scheme://user:pass@` up to the last @ of the word, because a password may contain any of `/:?@`. */
const userInfo = /\b([a-z][a-z0-9+.-]{0,31}:\/\/)[^\s"'<>]{0,512}@/gi;
/** `user:pass@host` without a scheme. */
const bareUserInfo = /(?<![^\s"'(=,])[^\s:@/"'(=,]{1,128}:[^\s@/]{1,256}@(?=[\w[(])/g;
/** `password=...`, `"token": "..."`. Does not match `using password: YES`, which is harmless and useful. */
const namedSecret =
  /\b([\w.-]{0,32}(?:passw(?:or)?d|passphrase|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credentials?|signature)[\w.-]{0,32}["']?\s{0,4}[=:]\s{0,4})(?!(?:YES|NO)\b)("[^"]*"|'[^']*'|[^\s&;,"')}\]]+)/gi;
const authorization =
  /\b(authorization["']?\s{0,4}[=:]\s{0,4}(?:basic|bearer|digest)?|bearer|basic)\s+[\w.~+/=-]{8,}/gi;
/** A stack trace line: `at f (file:1:2)`, `at file:1:2`. */
const stackLine = /^\s*at\s.*(\)|:\d+)\s*$/;
/** Lone surrogates, and characters that break a line, control a terminal or reorder text. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Formats an error or any other value as one redacted line of at most `MAX_DESCRIPTION` characters. */
export type Redact = (value: unknown) => string;

/**
 * Creates a `Redact` that never throws. It masks `secrets`, including their URL-encoded and JSON-encoded forms, and
 * anything that looks like a credential: the user information of a URL, `password=...` and similar, and the value of an
 * Authorization header. It removes stack traces.
 */
export function redactor(secrets: Iterable<string>): Redact {
  const known = new SecretMask(secrets);
  return (value) => {
    const whole = textOf(value);
    const masked = known.apply(whole, MAX_INPUT);
    const text = (whole.length > MAX_INPUT ? withoutLastWord(masked) : masked)
      .split(/[\r\n]+/)
      .filter((line) => !stackLine.test(line))
      .join(' ')
      .replace(/[ \t]+/g, ' ')
      .trim()
      .replace(userInfo, `$1${MASK}@`)
      .replace(bareUserInfo, `${MASK}@`)
      .replace(namedSecret, `$1${MASK}`)
      .replace(authorization, `$1 ${MASK}`)
      .replace(unprintable, escaped);
    return text.length > MAX_DESCRIPTION ? `${truncate(text, MAX_DESCRIPTION - 1)}…` : text;
  };
}

/** Returns the first `length` characters of a text, without a lone surrogate at the end. */
export function truncate(text: string, length: number): string {
  return text.slice(0, length).replace(/\p{Cs}$/u, '');
}

/** Drops the last word of a truncated text, because a partial credential may not be recognized as one. */
function withoutLastWord(text: string): string {
  const end = Math.max(text.lastIndexOf(' '), text.lastIndexOf('\n'));
  return end < 0 || text.endsWith(MASK) ? text : text.slice(0, end);
}

function escaped(character: string): string {
  const code = character.codePointAt(0) as number;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

function textOf(value: unknown): string {
  try {
    if (typeof value === 'function') return 'a function';
    return typeof value === 'object' && value !== null ? messageOf(value) : String(value);
  } catch {
    return 'an error that cannot be read';
  }
}

/** The messages of an error and of its cause. For an AggregateError without a message, the messages of its errors. */
function messageOf(error: object): string {
  const { message, cause } = error as Record<string, unknown>;
  const parts: string[] = [];
  if (typeof message === 'string' && message !== '') parts.push(message);
  else {
    const { errors, code } = error as Record<string, unknown>;
    if (Array.isArray(errors)) parts.push(errors.slice(0, MAX_ERRORS).map(ownMessage).join('; '));
    else if (typeof code === 'string') parts.push(code);
  }
  if (typeof cause === 'object' && cause !== null) parts.push(ownMessage(cause));
  if (parts.length === 0) parts.push(error instanceof Error ? error.name : jsonOf(error));
  return parts.join(': ');
}

/**
 * Formats an object as JSON, with each BigInt as a string.
 * @throws if the object has too many values, is cyclic, or has a getter that throws.
 */
export function jsonOf(value: object): string {
  let remaining = MAX_VALUES;
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (remaining-- === 0) throw new RangeError(`an object of more than ${MAX_VALUES} values`);
    return typeof inner === 'bigint' ? String(inner) : inner;
  });
}

function ownMessage(error: unknown): string {
  const { message, code, errors } = (error ?? {}) as Record<string, unknown>;
  if (typeof message === 'string' && message !== '') return message;
  if (Array.isArray(errors))
    return errors
      .slice(0, MAX_ERRORS)
      .map((member) => String(member?.message))
      .join('; ');
  return typeof code === 'string' ? code : String(error);
}
