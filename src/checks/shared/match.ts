import { formatValue } from '../../options/format-value.js';
import { invalidOption } from '../parse-options.js';
import type { PatternWorker } from './pattern-worker.js';

/**
 * Resolves with whether a text matches. Rejects with reason `timeout` if the result is not known before `deadline`
 * (monotonic, in milliseconds).
 */
export type Match = (text: string, signal: AbortSignal, deadline: number) => Promise<boolean>;

/**
 * Creates a matcher from a RegExp, from `/expression/flags`, or from plain text that must be contained. Only regular
 * expressions use the worker.
 */
export function readPattern(kind: string, key: string, pattern: string | RegExp, worker: PatternWorker): Match {
  const [, source, flags = ''] =
    pattern instanceof RegExp ? ['', pattern.source, pattern.flags] : (/^\/(.+)\/([a-z]*)$/s.exec(pattern) ?? []);
  if (source === undefined) return async (text) => text.includes(pattern as string);
  try {
    // Removes the flags g and y, with which an expression would keep state between texts.
    const index = worker.add(new RegExp(source, flags.replace(/[gy]/g, '')));
    return (text, signal, deadline) => worker.match(index, text, key, signal, deadline);
  } catch {
    throw invalidOption(kind, [key], formatValue(pattern), 'a string, or a valid regular expression between slashes');
  }
}

/** Converts a list such as `200-299,304` to a test for a status code. */
export function readStatuses(kind: string, text: string): (status: number) => boolean {
  const ranges = text.split(',').map((range): readonly [number, number] => {
    const [, from, to = from] = /^\s*(\d{3})(?:-(\d{3}))?\s*$/.exec(range) ?? [];
    const [min, max] = [Number(from), Number(to)];
    if (min >= 100 && max <= 599 && min <= max) return [min, max];
    throw invalidOption(
      kind,
      ['status'],
      formatValue(text),
      'statuses and ranges from 100 to 599, such as "200-299,304"',
    );
  });
  return (status) => ranges.some(([min, max]) => status >= min && status <= max);
}
