import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { OptionRow } from '../options/option.js';

/** Random for each process, so that an identity reveals nothing about the passwords that it contains. */
const key = randomBytes(32);
/** Maximum size of a file that is read, in bytes. Certificates and modules are smaller. */
const MAX_FILE = 1_048_576;

/** Numbers that identify objects compared by reference, such as a pool of the application. */
const numbers = new WeakMap<object, number>();
let lastNumber = 0;

/**
 * Identity of a check. Two checks of the same kind have equal identities if their options are equal and the files that
 * are read once at creation have equal contents. See `CheckDefinition.identity`.
 */
export function identityOf(
  kind: string,
  rows: readonly OptionRow[],
  options: Readonly<Record<string, unknown>>,
): string {
  // Objects of the application, such as a pool, are compared by reference.
  const instances = rows.filter(({ path, type }) => type.name === 'instance' && Object.hasOwn(options, path));
  const data = { ...options, ...Object.fromEntries(instances.map(({ path }) => [path, numberOf(options[path])])) };
  const hmac = createHmac('sha256', key).update(JSON.stringify([kind, comparable(data)]));
  for (const { path: name, readOnce } of rows) {
    const path =
      readOnce && name.split('.').reduce<unknown>((value, part) => value?.[part as keyof typeof value], options);
    if (typeof path === 'string') hmac.update(name).update(contentOf(path));
  }
  return hmac.digest('base64');
}

/** Converts a value so that two values are equal exactly if their JSON is equal. */
function comparable(value: unknown): unknown {
  if (value instanceof RegExp) return ['RegExp', value.source, value.flags];
  if (typeof value === 'bigint' || typeof value === 'symbol') return [typeof value, String(value)];
  if (typeof value === 'number' && !Number.isFinite(value)) return ['number', String(value)];
  if (typeof value !== 'function' && (typeof value !== 'object' || value === null)) return value;
  if (Array.isArray(value)) return ['array', value.map(comparable)];
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return ['object', numberOf(value)];
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  return ['map', entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, entry]) => [name, comparable(entry)])];
}

function numberOf(thing: unknown): number {
  if (!(thing instanceof Object)) return 0;
  const number = numbers.get(thing) ?? ++lastNumber;
  numbers.set(thing, number);
  return number;
}

/** A file that cannot be read is reported when the check is created. */
function contentOf(path: string): Buffer {
  try {
    const { size } = statSync(path);
    return size > MAX_FILE ? Buffer.from(String(size)) : readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}
