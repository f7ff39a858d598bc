import type { Link } from '../../client/link/link.js';
import type { Pong } from '../../client/responses.js';
import { openLink } from '../../client.js';
import type { Scope } from '../../health/health.js';
import type { State } from '../../health/state.js';
import { hostAndPort } from '../../net/address.js';
import { outputClosed } from '../output.js';
import type { FlagValues } from '../parser.js';
import { peerOptions } from '../peer-flags.js';
import { checkLines, failingMarks } from '../report-lines.js';
import { addressOf, DEFAULT_ADDRESS, durationOf, selectionOf } from '../request-flags.js';
import { printable, stylesFor } from '../terminal.js';
import { board, changeLine, MAX_TRIPS, type WatchedRow } from './table.js';

const REDRAW_MS = 250;
const MAX_PINGS_OUT = 3;
const MAX_BACKOFF_MS = 5000;

/** Watches responders until a signal arrives. */
export async function watch(
  flags: FlagValues,
  _first: string | undefined,
  addresses: readonly string[],
): Promise<number> {
  const interval = durationOf(flags, 'interval', { min: 10, max: 3_600_000 }) ?? 1000;
  const { scope = 'readiness' } = selectionOf(flags);
  const peer = peerOptions(flags);
  const ended = new Promise<void>((resolve) => {
    // Once: a second signal ends the process.
    process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve());
    outputClosed.addEventListener('abort', () => resolve());
  });
  const live = process.stdout.isTTY === true;
  const watched = (addresses.length > 0 ? addresses : [DEFAULT_ADDRESS]).map((address) => {
    const row: WatchedRow = {
      where: hostAndPort(addressOf(address)),
      displayed: 'connecting',
      since: performance.now(),
      why: '',
      trips: [],
    };
    const link = openLink(address, {
      heartbeat: { interval, maxPingsOut: MAX_PINGS_OUT },
      scope,
      detail: true,
      ...peer,
      backoff: { max: MAX_BACKOFF_MS },
    });
    follow(link, scope, row, live ? () => {} : (before) => print(changeLine(row, before, new Date())));
    return { link, row };
  });
  const rows = watched.map(({ row }) => row);
  const stopDrawing = live ? draw(rows) : () => {};
  await ended;
  stopDrawing();
  await Promise.all(watched.map(({ link }) => link.close()));
  return 0;
}

/** Updates `row` with the events of `link`. */
function follow(link: Link, scope: Scope, row: WatchedRow, changed: (before: string) => void): void {
  const update = (next: WatchedRow['displayed'], why: string) => {
    const before = row.displayed;
    // While it is down or draining, the reason differs with each attempt: only the first one is printed.
    const isSame = before === next && (row.why === why || next === 'down' || next === 'draining');
    if (before !== next) row.since = performance.now();
    row.displayed = next;
    row.why = why;
    if (!isSame) changed(before);
  };
  // A connection stays draining after GOAWAY, whatever its status.
  const displayed = (status: State) => (link.client?.goaway ? 'draining' : status);
  link.on('state', ({ state, why }) => {
    if (state === 'down') row.trips.length = 0;
    // An attempt is not a change; an established connection is reported by its first PONG.
    if (state === 'connecting' || state === 'up' || state === 'closed') return;
    update(state, printable(why));
  });
  // If the responder permits no watch, the PONGs report the status.
  void watchStatuses().catch(() => {});
  async function watchStatuses(): Promise<void> {
    for await (const status of link.watch({ scope, detail: true })) update(displayed(status.status), whyOf(status));
  }
  link.on('pong', (pong) => {
    row.trips.push(pong.rtt);
    if (row.trips.length > MAX_TRIPS) row.trips.shift();
    update(displayed(pong.status), whyOf(pong));
  });
}

function whyOf({ report, stale = false }: Pick<Pong, 'report'> & { stale?: boolean }): string {
  return [...(stale ? ['stale'] : []), ...failingMarks(checkLines(report))].join(' ');
}

/** Redraws the table in place until the returned function is called; the last table stays on the screen. */
function draw(rows: readonly WatchedRow[]): () => void {
  const style = stylesFor(process.stdout);
  let drawn = 0;
  const redraw = () => {
    const lines = board(rows, performance.now(), process.stdout.columns || 120, style);
    const up = drawn > 0 ? `\u001b[${drawn}A` : '';
    process.stdout.write(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join('')}`);
    drawn = lines.length;
  };
  process.stdout.write('\u001b[?25l');
  redraw();
  const timer = setInterval(redraw, REDRAW_MS);
  return () => {
    clearInterval(timer);
    redraw();
    process.stdout.write('\u001b[?25h');
  };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
