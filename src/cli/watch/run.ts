import type { Link } from '../../client/link/link.js';
import type { Pong } from '../../client/responses.js';
import type { WatchOptions } from '../../client/watch.js';
import { openLink } from '../../client.js';
import { HistoryRecorder } from '../../health/history/recorder.js';
import { type State, states } from '../../health/state.js';
import { hostAndPort } from '../../net/address.js';
import { outputClosed } from '../output.js';
import type { FlagValues } from '../parser.js';
import { peerOptions } from '../peer-flags.js';
import { type CheckLine, checkLines, failingMarks } from '../report-lines.js';
import { addressOf, DEFAULT_ADDRESS, durationOf, selectionOf } from '../request-flags.js';
import { printable, printableJson, stylesFor } from '../terminal.js';
import { Screen } from './screen.js';
import { changeLine, changeObject, MAX_TRIPS, table, type WatchedRow } from './table.js';

const REDRAW_MS = 250;
const MAX_PINGS_OUT = 3;
const MAX_BACKOFF_MS = 5000;
const MINUTES = 60;

/** Watches responders until a signal arrives. */
export async function watch(
  flags: FlagValues,
  _first: string | undefined,
  addresses: readonly string[],
): Promise<number> {
  const interval = durationOf(flags, 'interval', { min: 10, max: 3_600_000 }) ?? 1000;
  const selection = selectionOf(flags);
  const peer = peerOptions(flags);
  const ended = new Promise<void>((resolve) => {
    // Each signal is handled once, so that a second one ends the process.
    process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve());
    outputClosed.addEventListener('abort', () => resolve());
  });
  const isLive = process.stdout.isTTY === true && process.env.TERM !== 'dumb' && flags.json !== true;
  const recorder = new HistoryRecorder();
  const watched = (addresses.length > 0 ? addresses : [DEFAULT_ADDRESS]).map((address, i) => {
    const key = String(i);
    const row: WatchedRow = {
      where: hostAndPort(addressOf(address)),
      displayed: 'connecting',
      since: performance.now(),
      why: '',
      failing: [],
      trips: [],
      history: () => recorder.series(key)?.slots(MINUTES) ?? Array(MINUTES).fill(undefined),
    };
    const link = openLink(address, {
      heartbeat: { interval, maxPingsOut: MAX_PINGS_OUT },
      ...selection,
      detail: true,
      ...peer,
      backoff: { max: MAX_BACKOFF_MS },
    });
    follow(link, selection, row, (before) => {
      // A suspect responder keeps its previous state.
      if (row.displayed !== 'suspect') recorder.setState(key, recordedState(row.displayed));
      if (isLive) return;
      const now = new Date();
      print(flags.json ? printableJson(changeObject(row, before, now)) : changeLine(row, before, now));
    });
    return { link, row };
  });
  const stopDrawing = isLive ? draw(watched.map(({ row }) => row)) : () => {};
  await ended;
  stopDrawing();
  recorder.close();
  await Promise.all(watched.map(({ link }) => link.close()));
  return 0;
}

/** Updates `row` with the events of `link`. */
function follow(link: Link, selection: WatchOptions, row: WatchedRow, changed: (before: string) => void): void {
  const update = (next: WatchedRow['displayed'], why: string, failing: readonly CheckLine[]) => {
    const before = row.displayed;
    // While the responder is down or draining, the reason differs on each attempt, so only the first reason is printed.
    const isSame = before === next && (row.why === why || next === 'down' || next === 'draining');
    if (before !== next) row.since = performance.now();
    row.displayed = next;
    row.why = why;
    row.failing = failing;
    if (!isSame) changed(before);
  };
  const report = ({ status, stale = false, report }: Pick<Pong, 'status' | 'report'> & { stale?: boolean }) => {
    const lines = checkLines(report);
    const why = [...(stale ? ['stale'] : []), ...failingMarks(lines)].join(' ');
    // A connection remains draining after GOAWAY, regardless of its status.
    update(
      link.client?.goaway ? 'draining' : status,
      why,
      lines.filter(({ state }) => state !== 'pass'),
    );
  };
  link.on('state', ({ state, why }) => {
    if (state === 'down') row.trips.length = 0;
    // An attempt is not a change. An established connection is reported by its first PONG.
    if (state === 'connecting' || state === 'up' || state === 'closed') return;
    update(state, printable(why), []);
  });
  // If the responder does not permit WATCH, the PONGs report the status.
  void watchStatuses().catch(() => {});
  async function watchStatuses(): Promise<void> {
    for await (const status of link.watch({ ...selection, detail: true })) {
      report(status);
    }
  }
  link.on('pong', (pong) => {
    row.trips.push(pong.rtt);
    if (row.trips.length > MAX_TRIPS) row.trips.shift();
    report(pong);
  });
}

/** The state to record. Without a connection, the status is unknown. */
function recordedState(displayed: WatchedRow['displayed']): State {
  return states.find((state) => state === displayed) ?? 'unknown';
}

/** Draws the table until the returned function is called. The last table stays on the screen. */
function draw(rows: readonly WatchedRow[]): () => void {
  const style = stylesFor(process.stdout);
  const screen = new Screen(process.stdout, (size) => table(rows, performance.now(), size, style));
  screen.open();
  const timer = setInterval(screen.redraw, REDRAW_MS);
  return () => {
    clearInterval(timer);
    screen.close();
  };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
