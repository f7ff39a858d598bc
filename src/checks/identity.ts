import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { OptionRow } from '../options/option.js';

/** Random per process, so that an identity reveals nothing about the passwords in it. */
const key = randomBytes(32);
/** Maximum size of a file that is read, in bytes; certificates and modules are smaller. */
const MAX_FILE = 1_048_576;

/** Numbers for objects that are compared by reference, such as the pool of an application. */
const numbers = new WeakMap<object, number>();
let lastNumber = 0;

/**
 * Identity of a check: equal for two checks of a kind with equal options and equal contents of the files that are read
 * once, at creation. See `CheckDefinition.identity`.
 */
export function identityOf(
  kind: string,
  rows: readonly OptionRow[],
  options: Readonly<Record<string, unknown>>,
): string {
  // Objects of the application, such as its pool, are compared by reference.
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

/** Converts a value so that equal JSON means equal values. */
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

/** An unreadable file is reported when the check is created. */
function contentOf(path: string): Buffer {
  try {
    const { size } = statSync(path);
    return size > MAX_FILE ? Buffer.from(String(size)) : readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}
