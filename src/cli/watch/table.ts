import type { LinkState } from '../../client/link/link-options.js';
import { type Slot, stateOrder } from '../../health/history/slot.js';
import { isHealthy, type State } from '../../health/state.js';
import type { CheckLine } from '../report-lines.js';
import { milliseconds, type Style, type StyleName } from '../terminal.js';
import { column, cut, widthOf } from '../width.js';

/** One watched responder. Times are in monotonic milliseconds. */
export interface WatchedRow {
  readonly where: string;
  /** The status while the connection is up, otherwise the state of the connection. */
  displayed: LinkState | State;
  /** Time of the last change of `displayed`. */
  since: number;
  /** `name=reason` for each check that does not pass, or why there is no connection. */
  why: string;
  /** The checks that do not pass. */
  failing: readonly CheckLine[];
  /** The latest round-trip times in milliseconds, oldest first. */
  readonly trips: number[];
  /** The last 60 minutes, oldest first. */
  history(): readonly (Pick<Slot, 'worst'> | undefined)[];
}

/** Size of a terminal, in characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

type Styles = (name: StyleName) => Style;

export const MAX_TRIPS = 24;
const MIN_TRIPS = 8;
/** Block counts that divide 60 minutes evenly. */
const BLOCKS = [60, 30, 20, 15, 12];
const MIN_BLOCKS = 12;
const GAP = 2;
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
/** The worse the state, the more of its block is filled, because color alone is not accessible. */
const blocks: Readonly<Record<State, string>> = {
  pass: '▁',
  draining: '▂',
  starting: '▂',
  warn: '▄',
  unknown: '▒',
  'not-found': '▒',
  fail: '█',
};
const NO_DATA = '·';

/** Draws the round-trip times as bars, scaled from their minimum to their maximum. */
export function sparkline(trips: readonly number[]): string {
  const min = Math.min(...trips);
  const span = Math.max(...trips) - min;
  return trips.map((trip) => bars[span === 0 ? 0 : Math.round(((trip - min) / span) * (bars.length - 1))]).join('');
}

/** Draws an hour as `count` blocks. Each block shows the worst state of its minutes. */
export function historyBlocks(minutes: ReturnType<WatchedRow['history']>, count: number, style: Styles): string {
  const each = minutes.length / count;
  const worst = Array.from({ length: count }, (_, i) => worstOf(minutes.slice(i * each, (i + 1) * each)));
  let text = '';
  for (let i = 0, end = 0; i < count; i = end) {
    const state = worst[i];
    while (end < count && worst[end] === state) end++;
    const block = state === undefined ? NO_DATA : blocks[state];
    text += style(state === undefined ? 'dim' : (styles[state] ?? 'magenta'))(block.repeat(end - i));
  }
  return text;
}

function worstOf(minutes: ReturnType<WatchedRow['history']>): State | undefined {
  return stateOrder.findLast((state) => minutes.some((minute) => minute?.worst === state));
}

/**
 * Formats the table, with one line per responder and one line below it for the reasons of its status. Columns that do
 * not fit are omitted: first the trend, then the round-trip time, the last hour, and the time since the last change. If
 * there are too many responders, those with a reason come first.
 */
export function table(rows: readonly WatchedRow[], now: number, size: TerminalSize, style: Styles): string[] {
  const layout = layoutOf(rows, size.columns);
  const head = style('bold')(cut(headOf(layout), size.columns));
  const whole = rows.map((row) => linesOf(row, now, layout, size.columns, style));
  const height = (blocks: readonly string[][]) => blocks.reduce((sum, lines) => sum + lines.length, 1);
  if (height(whole) <= size.rows) return [head, ...whole.flat()];
  const shown = whole.sort((a, b) => b.length - a.length);
  while (shown.length > 0 && height(shown) >= size.rows) shown.pop();
  return [head, ...shown.flat(), cut(`… ${rows.length - shown.length} more`, size.columns)].slice(0, size.rows);
}

/** Column widths; 0 omits the column. */
interface Layout {
  readonly where: number;
  readonly status: number;
  readonly since: number;
  readonly trip: number;
  /** Number of blocks. */
  readonly history: number;
  readonly trend: number;
}

function layoutOf(rows: readonly WatchedRow[], columns: number): Layout {
  const [since, trip] = [6, 8];
  const status = Math.max(1, Math.min(10, columns - GAP - 1));
  const longest = Math.max('RESPONDER'.length, ...rows.map(({ where }) => widthOf(where)));
  // A long address must leave space for the other columns.
  const most = Math.max(columns - status - since - MIN_BLOCKS - 3 * GAP, Math.min(20, columns - status - GAP));
  const where = Math.max(1, Math.min(longest, most));
  let left = columns - where - GAP - status;
  const take = (width: number, reserved = 0): number => {
    if (left < width + GAP + reserved) return 0;
    left -= width + GAP;
    return width;
  };
  const sinceWidth = take(since);
  const tripWidth = take(trip, MIN_BLOCKS + GAP);
  const history = take(BLOCKS.find((count) => count + GAP <= left) ?? left);
  const trend = take(Math.max(MIN_TRIPS, Math.min(MAX_TRIPS, left - GAP)));
  return { where, status, since: sinceWidth, trip: tripWidth, history, trend };
}

function headOf({ where, status, since, trip, history, trend }: Layout): string {
  return joined([
    column('RESPONDER', where),
    column('STATUS', status),
    column('SINCE', since),
    column('RTT', trip),
    column('LAST HOUR', history),
    column('TREND', trend),
  ]);
}

function linesOf(row: WatchedRow, now: number, layout: Layout, columns: number, style: Styles): string[] {
  const { where, displayed, why, trips } = row;
  const last = trips.at(-1);
  const line = joined([
    column(where, layout.where),
    style(styles[displayed] ?? 'magenta')(column(displayed, layout.status)),
    column(age(now - row.since), layout.since),
    column(last === undefined ? '' : `${milliseconds(last)} ms`, layout.trip),
    layout.history === 0 ? '' : historyBlocks(row.history(), layout.history, style),
    layout.trend === 0 ? '' : column(sparkline(trips.slice(-layout.trend)), layout.trend),
  ]);
  return why === '' ? [line] : [line, cut(`  ${why}`, columns)];
}

function joined(cells: readonly string[]): string {
  return cells.filter((cell) => cell !== '').join(' '.repeat(GAP));
}

/** Formats a duration with at most 6 characters, up to 999 days: `12s`, `4m12s`, `3h05m`, `12d04h`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (count: number) => String(count).padStart(2, '0');
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${two(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h${two(minutes % 60)}m`;
  const days = Math.floor(hours / 24);
  return days < 100 ? `${days}d${two(hours % 24)}h` : `${days}d`;
}

/** Formats a change as one line, for logs and pipes. */
export function changeLine(row: WatchedRow, before: string, time: Date): string {
  return `${time.toISOString()} ${row.where} ${before} -> ${row.displayed}${row.why === '' ? '' : ` (${row.why})`}`;
}

/** Converts a change to an object, for `--json`. */
export function changeObject({ where, displayed, why, failing }: WatchedRow, before: string, time: Date): object {
  return { time, address: where, status: displayed, before, healthy: isHealthy(displayed), why, failing };
}
