import { limitExceeded, MAX_DEPTH } from '../common/json-limits.js';
import { BYTES_FORMS, formatBytes, parseBytes } from './bytes.js';
import { DURATION_FORMS, formatDuration, parseDuration, unitHint } from './duration.js';
import { InvalidValue, type Mode, type OptionRow, type ValueType } from './option.js';
import { isMap } from './path.js';
import { didYouMean } from './suggest.js';

/** Names of checks and groups. */
export const namePattern = /^[^\s\p{C}=]{1,64}$/u;
export const NAME_FORMS = '1 to 64 characters without white space, control characters and "="';

/** Printable ASCII, because all other characters must be encoded. */
export const requestPathPattern = /^\/[\x21-\x7e]{0,1023}$/;

/** A duration with a unit in a file, or a number of milliseconds in code. */
export const duration: ValueType = {
  name: 'duration',
  allowed: (row, mode) =>
    mode === 'code' ? `milliseconds, a whole number${range(row, String)}` : DURATION_FORMS + range(row, formatDuration),
  read(value, row, mode) {
    if (mode === 'code') return integerOf(value, row);
    const hint = unitHint(String(value), (ms) => isWithin(ms, row));
    if (typeof value !== 'number') return within(parseDuration(textOf(value)), row, hint);
    return within(value === 0 ? 0 : undefined, row, hint);
  },
  show: (ms) => (ms === 0 ? 0 : formatDuration(ms)),
  typescript: () => 'number',
};

export const bytes: ValueType = {
  name: 'bytes',
  allowed: (row, mode) =>
    mode === 'code' ? `bytes, a whole number${range(row, String)}` : BYTES_FORMS + range(row, formatBytes),
  read(value, row, mode) {
    if (mode === 'code') return integerOf(value, row);
    if (typeof value === 'number') return within(parseBytes(String(value)), row);
    const size = parseBytes(textOf(value));
    const [, count, unit = ''] = /^(\d+) ?([kmg])i?b?$/i.exec(textOf(value)) ?? [];
    const meant = `${count}${unit.toUpperCase()}iB`;
    return within(size, row, isWithin(parseBytes(meant), row) ? `did you mean ${meant}?` : undefined);
  },
  show: (size) => (size % 1024 === 0 && size > 0 ? formatBytes(size) : size),
  typescript: () => 'number',
};

export const integer: ValueType = {
  name: 'integer',
  allowed: (row) => `a whole number${range(row, String)}`,
  read: (value, row) => integerOf(value, row),
  readText: (value, row) => within(/^\d{1,15}$/.test(value) ? Number(value) : undefined, row),
  typescript: () => 'number',
};

export const boolean: ValueType = {
  name: 'boolean',
  allowed: () => 'true or false',
  read(value) {
    if (typeof value === 'boolean') return value;
    if (value === 'true' || value === 'false') throw new InvalidValue('without quotes');
    throw new InvalidValue(yesOrNo(value));
  },
  readText(value) {
    if (value === 'true') return true;
    if (value === 'false') return false;
    throw new InvalidValue(yesOrNo(value));
  },
  typescript: () => 'boolean',
};

export const enumeration: ValueType = {
  name: 'enumeration',
  allowed: ({ values = [] }) => `one of ${values.join(', ')}`,
  read(value, { values = [] }) {
    if (values.includes(textOf(value))) return value;
    throw new InvalidValue(didYouMean(textOf(value), values));
  },
  typescript: ({ values = [] }) => values.map((word) => `'${word}'`).join(' | '),
};

export const text: ValueType = {
  name: 'text',
  allowed: () => 'a string of 1 to 1024 characters on one line',
  read: (value, _row, mode) => oneLine(value, mode),
  // Without the hint about YAML.
  readText: (value) => oneLine(value, 'code'),
  typescript: () => 'string',
};

/** Text to send. In a file, control characters are escaped. */
export const payload: ValueType = {
  name: 'payload',
  allowed: (_row, mode) => `a string of 1 to 1024 characters${mode === 'code' ? '' : ' on one line'}`,
  read(value, _row, mode) {
    if (mode === 'file') return oneLine(value, mode);
    return /^.{1,1024}$/su.test(textOf(value)) ? value : invalid();
  },
  typescript: () => 'string',
};

/** A text in slashes is a regular expression. In code, a RegExp is also allowed. */
export const pattern: ValueType = {
  name: 'pattern',
  allowed: (_row, mode) => `a string or a ${mode === 'code' ? 'RegExp, a string' : '/regular expression/'} on one line`,
  read: (value, _row, mode) => (mode === 'code' && value instanceof RegExp ? value : oneLine(value, mode)),
  typescript: () => 'string | RegExp',
};

export const texts: ValueType = {
  name: 'texts',
  allowed: () => 'a map of strings, each on one line',
  read: (value, _row, mode) => mapOf(value, (entry) => oneLine(entry, mode)),
  typescript: () => 'Readonly<Record<string, string>>',
};

/** A list of 1 to `max` texts. */
export const textList: ValueType = {
  name: 'textList',
  allowed: ({ max }) => `a list of 1 to ${max} strings, each on one line`,
  read(value, { max = 0 }, mode) {
    if (!Array.isArray(value)) return invalid();
    if (value.length === 0 || value.length > max) return invalidCount(value);
    return value.map((element) => oneLine(element, mode));
  },
  typescript: () => 'readonly string[]',
};

export const patterns: ValueType = {
  name: 'patterns',
  allowed: (_row, mode) =>
    `a map of strings or ${mode === 'code' ? 'RegExps' : '/regular expressions/'}, each on one line`,
  read: (value, row, mode) => mapOf(value, (entry) => pattern.read(entry, row, mode)),
  typescript: () => 'Readonly<Record<string, string | RegExp>>',
};

/** Path and query of an HTTP request. */
export const requestPath: ValueType = {
  name: 'requestPath',
  allowed: () => 'a path such as /health, percent-encoded',
  read: (value) => (requestPathPattern.test(textOf(value)) ? value : invalid()),
  typescript: () => 'string',
};

/** A path. In a file, it is resolved against the folder of that file. */
export const path: ValueType = {
  name: 'path',
  allowed: () => 'the path of a file',
  read: (value) => textOf(value) || invalid(),
  typescript: () => 'string',
};

/** A name, or with `max` a list of 1 to `max` names. */
export const names: ValueType = {
  name: 'names',
  allowed: ({ max }) => `a list of ${max === undefined ? '' : `1 to ${max} `}names of ${NAME_FORMS}`,
  read(value, { max }) {
    if (typeof value === 'string') throw new InvalidValue('a list, such as [a, b]');
    if (!Array.isArray(value) || !value.every((name) => typeof name === 'string' && namePattern.test(name))) {
      throw new InvalidValue();
    }
    const distinct = [...new Set(value)];
    if (max !== undefined && (distinct.length === 0 || distinct.length > max)) return invalidCount(distinct);
    return distinct;
  },
  readText: (value, row) => names.read(commaSeparated(value), row, 'file'),
  typescript: () => 'readonly string[]',
};

/**
 * A file mode, as for chmod. In a file, it is text, because YAML parses 0660 as a decimal number. In code, it is a
 * number.
 */
export const fileMode: ValueType = {
  name: 'fileMode',
  allowed: (_row, mode) => (mode === 'code' ? 'a number from 0 to 0o777' : 'an octal mode in quotes, such as "0660"'),
  read(value, row, mode) {
    if (mode === 'code') return integerOf(value, { ...row, min: 0, max: 0o777 });
    if (typeof value === 'string' && /^0?[0-7]{3}$/.test(value)) return Number.parseInt(value, 8);
    throw new InvalidValue(typeof value === 'number' ? 'in quotes' : undefined);
  },
  show: (mode) => `0${mode.toString(8)}`,
  typescript: () => 'number',
};

/** An object of the application that has certain methods, such as a logger. */
export const instance: ValueType = {
  name: 'instance',
  allowed: ({ values = [] }) => `an object with ${values.map((method) => `${method}()`).join(', ')}`,
  read(value, { values = [] }) {
    const isObject = typeof value === 'object' || typeof value === 'function';
    if (!isObject || value === null) throw new InvalidValue();
    const missing = values.find((method) => typeof (value as Record<string, unknown>)[method] !== 'function');
    if (missing !== undefined) throw new InvalidValue(`${missing}() is missing`);
    return value;
  },
  typescript: () => 'object',
};

/** A check given in code. */
export const check: ValueType = {
  name: 'check',
  allowed: () => 'a function, or an object with a function `run`',
  read: (value) => (typeof value === 'function' || hasRun(value) ? value : invalid()),
  typescript: () => 'CheckDefinition | CheckFunction',
};

function hasRun(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as { run?: unknown }).run === 'function';
}

/** The contents of a PEM file. */
export const pem: ValueType = {
  name: 'pem',
  allowed: () => 'a string or a Buffer with PEM data',
  read: (value) => (Buffer.isBuffer(value) ? value : textOf(value) || invalid()),
  typescript: () => 'string | Buffer',
};

/** An object that fits in a frame as JSON and is accepted by a receiver. */
export const json: ValueType = {
  name: 'json',
  allowed: ({ max }) => `an object of at most ${max} bytes as JSON`,
  read(value, { max = 0 }) {
    if (!isMap(value)) throw new InvalidValue();
    const text = jsonOf(value);
    if (text.length > max) throw new InvalidValue(`${text.length} bytes`);
    const limit = limitExceeded(text);
    if (limit === 'depth') throw new InvalidValue(`more than ${MAX_DEPTH} levels`);
    if (limit === 'surrogate') throw new InvalidValue('half of a surrogate pair');
    return value;
  },
  typescript: () => 'object',
};

function jsonOf(value: object): Buffer {
  try {
    return Buffer.from(JSON.stringify(value));
  } catch {
    throw new InvalidValue('not JSON');
  }
}

export function invalid(): never {
  throw new InvalidValue();
}

function invalidCount(list: readonly unknown[]): never {
  throw new InvalidValue(list.length === 0 ? undefined : `${list.length} elements`);
}

/** Reads a list of 1 to `max` texts. The hint gives the position of an invalid text but never its value. */
export function listOf(value: unknown, max: number, isValid: (text: string) => boolean): string[] {
  if (!Array.isArray(value)) return invalid();
  if (value.length === 0 || value.length > max) return invalidCount(value);
  const invalidIndex = value.findIndex((item) => typeof item !== 'string' || !isValid(item));
  if (invalidIndex >= 0)
    throw new InvalidValue(value.length === 1 ? undefined : `element ${invalidIndex + 1} is invalid`);
  return value;
}

function oneLine(value: unknown, mode: Mode): string {
  const isUnquoted = typeof value === 'number' || typeof value === 'boolean';
  if (isUnquoted && mode === 'file') throw new InvalidValue('in quotes');
  const line = textOf(value);
  if (/\p{Cc}/u.test(line)) {
    throw new InvalidValue(mode === 'file' ? 'in single quotes, YAML does not turn \\n into a line break' : undefined);
  }
  return /^\P{Cs}{1,1024}$/u.test(line) ? line : invalid();
}

function mapOf(value: unknown, read: (entry: unknown) => unknown): object {
  return isMap(value) ? Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, read(entry)])) : invalid();
}

export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new InvalidValue();
}

export function commaSeparated(value: string): string[] {
  return value.split(',').map((part) => part.trim());
}

function integerOf(value: unknown, row: OptionRow): number {
  const isQuoted = typeof value === 'string' && /^\d+$/.test(value) && isWithin(Number(value), row);
  return within(typeof value === 'number' ? value : undefined, row, isQuoted ? 'without quotes' : undefined);
}

/** Returns a value that is allowed. Otherwise throws an InvalidValue with the hint. */
function within(value: number | undefined, row: OptionRow, hint?: string): number {
  if (isWithin(value, row)) return value;
  throw new InvalidValue(hint);
}

function isWithin(value: number | undefined, { min = 0, max = Number.MAX_SAFE_INTEGER }: OptionRow): value is number {
  return value !== undefined && Number.isInteger(value) && value >= min && value <= max;
}

function range({ min = 0, max }: OptionRow, show: (value: number) => string): string {
  if (max === undefined) return min === 0 ? '' : ` of at least ${show(min)}`;
  return ` from ${show(min)} to ${show(max)}`;
}

function yesOrNo(value: unknown): string | undefined {
  if (value === 1 || /^(?:1|y|yes|on)$/i.test(String(value))) return 'did you mean true?';
  if (value === 0 || /^(?:0|n|no|off)$/i.test(String(value))) return 'did you mean false?';
  return undefined;
}
