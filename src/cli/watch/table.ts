import type { LinkState } from '../../client/link/link.js';
import type { State } from '../../health/state.js';
import { formatDuration } from '../../options/duration.js';
import type { Style, StyleName } from '../terminal.js';

/** What is known of one responder that is watched. Moments in milliseconds of one clock. */
export interface WatchedRow {
  readonly where: string;
  /** Its status while the connection is up, else the state of the connection. */
  shown: LinkState | State;
  /** Since when it is shown so. */
  since: number;
  /** `name=reason` of what is not well, or why there is no connection. */
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

/** The heights of the times between their least and their most. */
export function sparkline(trips: readonly number[]): string {
  const min = Math.min(...trips);
  const span = Math.max(...trips) - min;
  return trips.map((trip) => bars[span === 0 ? 0 : Math.round(((trip - min) / span) * (bars.length - 1))]).join('');
}

/** The table, a line a responder, no line longer than `width`. */
export function board(
  rows: readonly WatchedRow[],
  now: number,
  width: number,
  style: (name: StyleName) => Style,
): string[] {
  const cells = rows.map((row) => [
    row.where,
    row.shown,
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
    const coloured = style(styles[row.shown] ?? 'magenta')(status);
    return `${where}  ${coloured}  ${left.slice(where.length + status.length + 4)}${why}`;
  });
  return [style('bold')(head.slice(0, width)), ...lines];
}

/** One line for a change, for logs and pipes. */
export function changeLine(row: WatchedRow, before: string, time: Date): string {
  return `${time.toISOString()} ${row.where} ${before} -> ${row.shown}${row.why === '' ? '' : ` (${row.why})`}`;
}

function wholeSeconds(ms: number): string {
  return formatDuration(Math.max(0, Math.floor(ms / 1000)) * 1000);
}
