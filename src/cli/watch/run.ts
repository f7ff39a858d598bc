import type { Link } from '../../client/link/link.js';
import type { Pong } from '../../client/pong.js';
import { openLink } from '../../client.js';
import { PongcheckError } from '../../common/errors.js';
import { type Scope, scopes } from '../../health/health.js';
import { hostAndPort, parseAddress } from '../../net/address.js';
import { DURATION_FORMS, parseDuration } from '../../options/duration.js';
import { outputGone } from '../output.js';
import { type FlagValues, UsageError } from '../parser.js';
import { peerOptions } from '../peer-flags.js';
import { checkLines } from '../report-lines.js';
import { printable, stylesFor } from '../terminal.js';
import { board, changeLine, MAX_TRIPS, type WatchedRow } from './table.js';

const DEFAULT_ADDRESS = 'pong://127.0.0.1:7464';
const REDRAW_MS = 250;
/** Times of which a dead responder is found: unanswered PINGs before it is called dead. */
const MAX_PINGS_OUT = 3;
const MAX_BACKOFF_MS = 5000;

/** Until a signal says so. */
export async function watch(
  flags: FlagValues,
  _first: string | undefined,
  addresses: readonly string[],
): Promise<number> {
  const interval = intervalOf(flags.interval);
  const scope = scopeOf(flags.scope);
  const peer = peerOptions(flags);
  const ended = new Promise<void>((resolve) => {
    // Once: a second signal then ends the process as if nobody listened.
    process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve());
    outputGone.addEventListener('abort', () => resolve());
  });
  const live = process.stdout.isTTY === true;
  const watched = (addresses.length > 0 ? addresses : [DEFAULT_ADDRESS]).map((address) => {
    const row: WatchedRow = {
      where: whereOf(address),
      shown: 'connecting',
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

/** Keeps `row` up to date with what `link` tells. */
function follow(link: Link, scope: Scope, row: WatchedRow, changed: (before: string) => void): void {
  const show = (shown: WatchedRow['shown'], why: string) => {
    const before = row.shown;
    // While it is down or drains, each try has words of its own: the first ones are the news.
    const same = before === shown && (row.why === why || shown === 'down' || shown === 'draining');
    if (before !== shown) row.since = performance.now();
    row.shown = shown;
    row.why = why;
    if (!same) changed(before);
  };
  link.on('state', ({ state, why }) => {
    if (state === 'down') row.trips.length = 0;
    // A new try of one that is down is no news; of one that is up the PONG tells.
    if (state === 'connecting' || state === 'up' || state === 'closed') return;
    show(state, printable(why));
  });
  // Where the responder allows no watch, the PINGs tell.
  void tellStatuses().catch(() => {});
  async function tellStatuses(): Promise<void> {
    for await (const told of link.watch({ scope, detail: true })) show(told.status, whyOf(told));
  }
  link.on('pong', (pong) => {
    row.trips.push(pong.rtt);
    if (row.trips.length > MAX_TRIPS) row.trips.shift();
    show(pong.status, whyOf(pong));
  });
}

function whyOf({ report, stale = false }: Pick<Pong, 'report'> & { stale?: boolean }): string {
  const told = checkLines(report)
    .filter(({ state }) => state !== 'pass')
    .map(({ name, reason }) => `${name}=${reason ?? 'unknown'}`);
  return [...(stale ? ['stale'] : []), ...told].join(' ');
}

/** Draws the table over itself until the returned function is called, which leaves the last one standing. */
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

function whereOf(address: string): string {
  try {
    return hostAndPort(parseAddress(address));
  } catch (error) {
    throw error instanceof PongcheckError ? new UsageError(error.message) : error;
  }
}

function intervalOf(text: unknown): number {
  if (text === undefined) return 1000;
  const ms = parseDuration(String(text));
  if (ms !== undefined && ms >= 10 && ms <= 3_600_000) return ms;
  throw new UsageError(`--interval is ${JSON.stringify(text)}; allowed: ${DURATION_FORMS}, from 10ms to 1h`);
}

function scopeOf(text: unknown): Scope {
  if (text === undefined) return 'readiness';
  if (scopes.includes(text as Scope)) return text as Scope;
  throw new UsageError(`--scope is ${JSON.stringify(text)}; allowed: ${scopes.join(', ')}`);
}
