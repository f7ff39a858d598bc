import { SecretMask } from './mask.js';

/** The longest sentence that anyone gets to see, in characters. */
export const MAX_SENTENCE = 200;
/** More of a text than this is not looked at: enough for a sentence, and bounds the work. */
const MAX_LOOKED_AT = 4096;
const MAX_ERRORS = 3;
/** Values that are looked at in an object that is shown as JSON. */
const MAX_VALUES = 1000;
const MASK = '***';

/** `scheme://user:pass@` up to the last @ of the word, so that a password may hold any of `/:?@`. */
const userInfo = /\b([a-z][a-z0-9+.-]{0,31}:\/\/)[^\s"'<>]{0,512}@/gi;
/** `user:pass@host` without a scheme. */
const bareUserInfo = /(?<![^\s"'(=,])[^\s:@/"'(=,]{1,128}:[^\s@/]{1,256}@(?=[\w[(])/g;
/** `password=...`, `"token": "..."`. `using password: YES` tells nothing and helps. */
const namedSecret =
  /\b([\w.-]{0,32}(?:passw(?:or)?d|passphrase|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credentials?|signature)[\w.-]{0,32}["']?\s{0,4}[=:]\s{0,4})(?!(?:YES|NO)\b)("[^"]*"|'[^']*'|[^\s&;,"')}\]]+)/gi;
const authorization =
  /\b(authorization["']?\s{0,4}[=:]\s{0,4}(?:basic|bearer|digest)?|bearer|basic)\s+[\w.~+/=-]{8,}/gi;
/** A line of a stack: `at f (file:1:2)`, `at file:1:2`. */
const stackLine = /^\s*at\s.*(\)|:\d+)\s*$/;
/** What would break a line, move a terminal's cursor, reorder text, or is no character at all. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** One redacted line of at most `MAX_SENTENCE` characters, from an error or any other thing. */
export type Redact = (thing: unknown) => string;

/**
 * A `Redact` that knows `secrets`, as they are and as a URL or JSON spells
 * them, and that never throws. It also takes out what looks like a credential: the user part of a URL,
 * `password=...` and its like, an Authorization value. No stack gets through.
 */
export function redactor(secrets: Iterable<string>): Redact {
  const known = new SecretMask(secrets);
  return (thing) => {
    const whole = textOf(thing);
    const looked = known.apply(whole, MAX_LOOKED_AT);
    const text = (whole.length > MAX_LOOKED_AT ? withoutLastWord(looked) : looked)
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
    return text.length > MAX_SENTENCE ? `${text.slice(0, MAX_SENTENCE - 1).replace(/\p{Cs}$/u, '')}…` : text;
  };
}

/** The last word of a text that was cut may be a part of what looks like a credential only as a whole. */
function withoutLastWord(text: string): string {
  const end = Math.max(text.lastIndexOf(' '), text.lastIndexOf('\n'));
  return end < 0 || text.endsWith(MASK) ? text : text.slice(0, end);
}

function escaped(character: string): string {
  const code = character.codePointAt(0) as number;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

function textOf(thing: unknown): string {
  try {
    if (typeof thing === 'function') return 'a function';
    return typeof thing === 'object' && thing !== null ? messageOf(thing) : String(thing);
  } catch {
    return 'an error that cannot be read';
  }
}

/** The message, those of the errors inside an AggregateError without one, and that of the cause. */
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

/** An object as JSON, with a BigInt in it as text. Throws where it has too many values or itself among them, or what throws when it is read. */
export function jsonOf(value: object): string {
  let left = MAX_VALUES;
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (left-- === 0) throw new RangeError(`an object of more than ${MAX_VALUES} values`);
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
