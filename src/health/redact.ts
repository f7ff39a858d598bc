/** The longest sentence that anyone gets to see, in characters. */
export const MAX_SENTENCE = 200;
/** More of a text than this is not looked at: enough for a sentence, and bounds the work. */
const MAX_LOOKED_AT = 4096;
const MAX_ERRORS = 3;
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
 * them. It also takes out what looks like a credential: the user part of a URL,
 * `password=...` and its like, an Authorization value. No stack gets through.
 */
export function redactor(secrets: Iterable<string>): Redact {
  const known = spellings(secrets);
  // The cut may leave the head of a secret, which would not be known again.
  const margin = known[0] === undefined ? 0 : known[0].length - 1;
  return (thing) => {
    let text = textOf(thing);
    if (text.length > MAX_LOOKED_AT) text = text.slice(0, MAX_LOOKED_AT).slice(0, -margin || undefined);
    for (const secret of known) text = text.replaceAll(secret, MASK);
    text = text
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

/** Longest first, so that a secret that is part of another does not leave the rest of it. */
function spellings(secrets: Iterable<string>): string[] {
  const all = new Set<string>();
  for (const secret of secrets) {
    all.add(secret);
    all.add(JSON.stringify(secret).slice(1, -1));
    // A lone surrogate has no place in a URL.
    if (/\p{Cs}/u.test(secret)) continue;
    all.add(encodeURIComponent(secret));
    all.add(encodeURI(secret));
  }
  all.delete('');
  return [...all].sort((a, b) => b.length - a.length);
}

function escaped(character: string): string {
  const code = character.codePointAt(0) as number;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

function textOf(thing: unknown): string {
  try {
    return typeof thing === 'object' && thing !== null ? messageOf(thing) : String(thing);
  } catch {
    return 'an error that cannot be read';
  }
}

/** The message, those of the errors inside an AggregateError without one, and that of the cause. */
function messageOf(error: object): string {
  const { message, code, errors, cause } = error as Record<string, unknown>;
  const parts: string[] = [];
  if (typeof message === 'string' && message !== '') parts.push(message);
  else if (Array.isArray(errors)) parts.push(errors.slice(0, MAX_ERRORS).map(ownMessage).join('; '));
  else if (typeof code === 'string') parts.push(code);
  if (typeof cause === 'object' && cause !== null) parts.push(ownMessage(cause));
  if (parts.length === 0) parts.push(error instanceof Error ? error.name : JSON.stringify(error));
  return parts.join(': ');
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
