import { describe, refusal } from './options.js';

/** Whether a text is as expected. */
export type Match = (text: string) => boolean;

/** Reads a RegExp, `/expression/flags`, or a plain text, which must be contained. */
export function readPattern(kind: string, key: string, pattern: string | RegExp): Match {
  const [, source, flags = ''] =
    pattern instanceof RegExp ? ['', pattern.source, pattern.flags] : (/^\/(.+)\/([a-z]*)$/s.exec(pattern) ?? []);
  if (source === undefined) return (text) => text.includes(pattern as string);
  try {
    // Global and sticky ones remember where the last text ended.
    const expression = new RegExp(source, flags.replace(/[gy]/g, ''));
    return (text) => expression.test(text);
  } catch {
    throw refusal(kind, key, describe(pattern), 'a text, or a valid regular expression between slashes');
  }
}

/** Reads `200-299,304` as a test of a status. */
export function readStatuses(kind: string, text: string): (status: number) => boolean {
  const ranges = text.split(',').map((range): readonly [number, number] => {
    const [, from, to = from] = /^\s*(\d{3})(?:-(\d{3}))?\s*$/.exec(range) ?? [];
    const [least, most] = [Number(from), Number(to)];
    if (least >= 100 && most <= 599 && least <= most) return [least, most];
    throw refusal(kind, 'status', describe(text), 'statuses and ranges from 100 to 599, such as "200-299,304"');
  });
  return (status) => ranges.some(([least, most]) => status >= least && status <= most);
}
