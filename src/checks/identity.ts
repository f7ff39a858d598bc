import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { OptionRow } from '../options/option.js';

/** Of this process alone, so that an identity tells nothing of the passwords in it. */
const key = randomBytes(32);
/** Files with certificates and modules are smaller. */
const MAX_FILE = 1_048_576;

/** Objects that are no data, such as the pool of an application, are what they are and nothing else. */
const numbers = new WeakMap<object, number>();
let lastNumber = 0;

/**
 * Equal for two checks of a kind with equal options, and with equal contents of the files that are read once, when the
 * check is made. See `CheckDefinition.identity`.
 */
export function identityOf(
  kind: string,
  rows: readonly OptionRow[],
  options: Readonly<Record<string, unknown>>,
): string {
  // An object of the application, such as its pool, is itself whatever is in it.
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

/** Data whose text is equal exactly where the values are. */
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

/** What cannot be read is told when the check is made. */
function contentOf(path: string): Buffer {
  try {
    const { size } = statSync(path);
    return size > MAX_FILE ? Buffer.from(String(size)) : readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}
