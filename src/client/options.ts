import { inspect } from 'node:util';
import { PongcheckError } from '../common/errors.js';

/** The largest time on the wire, and of a timer. */
export const MAX_MS = 2 ** 31 - 1;

/** A time in whole milliseconds; more than a timer can hold, Infinity too, is as much as it can. */
export function milliseconds<T extends number | undefined>(option: string, value: T): T {
  if (value === undefined) return value;
  if (typeof value !== 'number' || !(value >= 0)) throw wrongOption(option, value, 'milliseconds, 0 or more');
  return Math.min(Math.round(value), MAX_MS) as T;
}

/** PONGCHECK_CONFIG: what was found in an option, and what is allowed. */
export function wrongOption(option: string, found: unknown, allowed: string): PongcheckError {
  const shown = (typeof found === 'string' ? found : inspect(found, { depth: 1, breakLength: Infinity })).slice(0, 100);
  return new PongcheckError('PONGCHECK_CONFIG', `The option ${option} is ${shown}; allowed: ${allowed}`);
}
