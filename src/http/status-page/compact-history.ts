import type { HistoryView } from '../../health/history/health-history.js';
import type { Series } from '../../health/history/recorder.js';
import type { Slot } from '../../health/history/slot.js';
import type { State } from '../../health/state.js';

const SLOTS = 60;
const HOUR_MS = 3_600_000;

/** One letter per state, which keeps 60 minutes of 500 checks small. */
const letters: Readonly<Record<State, string>> = {
  pass: 'p',
  warn: 'w',
  fail: 'f',
  unknown: 'u',
  draining: 'd',
  starting: 's',
  'not-found': 'n',
};
const NO_STATE = '-';

/** The last hour of a check or a group in `/status.json`. */
export interface CompactSeries {
  /** Healthy time divided by known time, 0 to 1; undefined if there is no known time. */
  readonly availability: { readonly '1h': number | undefined; readonly '24h': number | undefined };
  /** The worst state in each minute as one letter, oldest first; `-` without data. The last minute is incomplete. */
  readonly states: string;
  /** Milliseconds of each minute that were not healthy; omitted if all are 0. */
  readonly unhealthyMs?: readonly number[];
  /** Mean run duration in each minute; null if there were no runs. Omitted for groups. */
  readonly meanMs?: readonly (number | null)[];
}

export interface CompactHistory {
  /** Start of the current minute, which is the last one of each series. */
  readonly minute: Date;
  readonly checks: Readonly<Record<string, CompactSeries>>;
  readonly groups: Readonly<Record<string, CompactSeries>>;
}

export function compactHistory(history: HistoryView): CompactHistory {
  return {
    minute: new Date(history.minute),
    checks: Object.fromEntries(compactAll(history.checks, (name) => history.check(name))),
    groups: Object.fromEntries(compactAll(history.groups, (name) => history.group(name))),
  };
}

function* compactAll(
  names: readonly string[],
  find: (name: string) => Series | undefined,
): Generator<[string, CompactSeries]> {
  for (const name of names) {
    const series = find(name);
    if (series) yield [name, compact(series)];
  }
}

function compact(series: Series): CompactSeries {
  const slots = series.slots(SLOTS);
  const unhealthyMs = slots.map((slot) => slot?.unhealthyMs ?? 0);
  const hasRuns = slots.some((slot) => slot && slot.runs > 0);
  return {
    availability: {
      '1h': rounded(series.availability(HOUR_MS), 6),
      '24h': rounded(series.availability(24 * HOUR_MS), 6),
    },
    states: slots.map(letterOf).join(''),
    ...(unhealthyMs.some((ms) => ms > 0) && { unhealthyMs }),
    ...(hasRuns && { meanMs: slots.map((slot) => rounded(slot?.meanMs, 3) ?? null) }),
  };
}

function letterOf(slot: Slot | undefined): string {
  return slot?.worst === undefined ? NO_STATE : letters[slot.worst];
}

function rounded(value: number | undefined, digits: number): number | undefined {
  return value === undefined ? undefined : Number(value.toPrecision(digits));
}
