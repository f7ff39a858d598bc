import type { LinkState } from '../../client/link/link-options.js';
import type { State } from '../../health/state.js';
import { formatDuration } from '../../options/duration.js';
import type { Style, StyleName } from '../terminal.js';

/** One watched responder. Times are monotonic milliseconds. */
export interface WatchedRow {
  readonly where: string;
  /** The status while the connection is up, otherwise the state of the connection. */
  displayed: LinkState | State;
  /** Time of the last change of `displayed`. */
  since: number;
  /** `name=reason` of each check that does not pass, or why there is no connection. */
  why: string;
  /** The latest round-trip times in milliseconds, the oldest first. */
  readonly trips: number[];
}

export const MAX_TRIPS = 24;
const bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

const styles: Readonly<Record<string, StyleName>> = {
  pass: 'green',
  warn: 'yellow',
  fail: 'red',
  down: 'red',
  suspect: 'yellow',
  draining: 'cyan',
  starting: 'cyan',
  connecting: 'dim',
};

/** Draws the round-trip times as bars between their minimum and maximum. */
export function sparkline(trips: readonly number[]): string {
  const min = Math.min(...trips);
  const span = Math.max(...trips) - min;
  return trips.map((trip) => bars[span === 0 ? 0 : Math.round(((trip - min) / span) * (bars.length - 1))]).join('');
}

/** Formats the table, one line per responder, at most `width` characters wide. */
export function board(
  rows: readonly WatchedRow[],
  now: number,
  width: number,
  style: (name: StyleName) => Style,
): string[] {
  const cells = rows.map((row) => [
    row.where,
    row.displayed,
    wholeSeconds(now - row.since),
    row.trips.length === 0 ? '' : `${row.trips.at(-1)?.toFixed(2)} ms`,
  ]);
  const heads = ['RESPONDER', 'STATUS', 'SINCE', 'RTT'];
  const widths = heads.map((head, i) => Math.max(head.length, ...cells.map((row) => (row[i] as string).length)));
  const fixed = (row: readonly string[]) => row.map((cell, i) => cell.padEnd(widths[i] as number));
  const head = [...fixed(heads), 'TREND'.padEnd(MAX_TRIPS), 'WHY'].join('  ');
  const lines = rows.map((row, i) => {
    const [where, status, ...rest] = fixed(cells[i] as string[]) as [string, string, ...string[]];
    const left = `${where}  ${status}  ${rest.join('  ')}  ${sparkline(row.trips).padEnd(MAX_TRIPS)}  `;
    const why = row.why.slice(0, Math.max(0, width - left.length));
    const coloured = style(styles[row.displayed] ?? 'magenta')(status);
    return `${where}  ${coloured}  ${left.slice(where.length + status.length + 4)}${why}`;
  });
  return [style('bold')(head.slice(0, width)), ...lines];
}

/** Formats a change as one line, for logs and pipes. */
export function changeLine(row: WatchedRow, before: string, time: Date): string {
  return `${time.toISOString()} ${row.where} ${before} -> ${row.displayed}${row.why === '' ? '' : ` (${row.why})`}`;
}

function wholeSeconds(ms: number): string {
  return formatDuration(Math.max(0, Math.floor(ms / 1000)) * 1000);
}
