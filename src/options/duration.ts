const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
type Unit = keyof typeof unitMs;

/** Description of the syntax, for error messages. */
export const DURATION_FORMS = 'a duration such as 250ms, 2s, 1m or 1h';
export const durationPattern = /^(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h)$/;

/**
 * Parses `250ms`, `2s`, `1.5m` or `1h` to milliseconds. `0` needs no unit. Returns undefined if the text is not a
 * duration, or not a whole number of milliseconds.
 */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const [, count, unit] = durationPattern.exec(text) ?? [];
  if (count === undefined) return undefined;
  // Rounded to microseconds first, because 1.1 * 1000 is not exactly 1100 in floating point.
  const ms = Math.round(Number(count) * unitMs[unit as Unit] * 1000) / 1000;
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** Returns the shortest text that `parseDuration` parses as `ms`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0';
  for (const unit of ['h', 'm', 's'] as const) {
    if (ms % unitMs[unit] === 0) return `${ms / unitMs[unit]}${unit}`;
  }
  return `${ms}ms`;
}

/** Hint for a number of which only the unit is missing. Undefined if it is not allowed with any unit. */
export function unitHint(count: string, isAllowed: (ms: number) => boolean): string | undefined {
  if (!/^\d+(\.\d+)?$/.test(count)) return undefined;
  const meant = [`${count}ms`, `${count}s`].filter((text) => {
    const ms = parseDuration(text);
    return ms !== undefined && isAllowed(ms);
  });
  return meant.length === 0 ? undefined : `a unit is missing: ${meant.join(', ')}`;
}
