import { gzipSync } from 'node:zlib';
import { board, type Overview } from '../../src/http/status-page/overview.js';
import { loadPage } from '../../src/http/status-page/page.js';
import { PartRevisions } from '../../src/http/status-page/parts.js';
import { boardParts } from '../../src/http/status-page/sections.js';
import { createService } from '../../src/service/service.js';
import { FakeClock, settle } from '../../test/fake-clock.js';
import { type Shown, table } from './table.js';

/** One run per minute, so that the hour in a bar is simulated quickly. */
const INTERVAL_MS = 60_000;
const RENDERINGS = 20;
const everything = { group: undefined, check: undefined, shows: () => true };

const pages: readonly { checks: number; failing: number }[] = [
  { checks: 5, failing: 0 },
  { checks: 50, failing: 5 },
  { checks: 500, failing: 0 },
  { checks: 500, failing: 25 },
  { checks: 500, failing: 500 },
];

export interface MeasuredPage {
  readonly checks: number;
  readonly failing: number;
  /** CPU time of one rendering from the reports to the document, in milliseconds: median and maximum. */
  readonly renderMs: number;
  readonly longestMs: number;
  /** Sizes in bytes. */
  readonly document: number;
  readonly compressed: number;
  /** Size of the message after each check has run once more. */
  readonly update: number;
}

/** Measures what the status page costs, with an hour of history in which a third of the checks failed at times. */
export async function statusPage(): Promise<MeasuredPage[]> {
  const measured: MeasuredPage[] = [];
  for (const { checks, failing } of pages) measured.push(await measure(checks, failing));
  return measured;
}

async function measure(count: number, failing: number): Promise<MeasuredPage> {
  const clock = new FakeClock();
  const checkOf = (index: number) => ({
    kind: 'function',
    target: `mysql://tenant-${index}.db.example.internal:3306/orders`,
    interval: INTERVAL_MS,
    run: async () => {
      const fails = index < failing || (index % 3 === 0 && Math.floor(clock.now() / INTERVAL_MS) % 12 < 2);
      const observed = { observedValue: { limit: 10, inUse: 3, free: 7 }, observedUnit: 'connections' };
      return fails
        ? { status: 'fail' as const, reason: 'timeout' as const, output: 'no answer within 800 ms', ...observed }
        : { status: 'pass' as const, ...observed };
    },
  });
  const checks = Object.fromEntries(Array.from({ length: count }, (_, i) => [`tenant-${i}-database`, checkOf(i)]));
  const service = createService({ serviceId: 'shop', listen: [], http: false, checks, clock });
  try {
    await service.start();
    // The checks that failed at times do not fail in the last minutes of the hour.
    await clock.advance(63 * INTERVAL_MS);
    const { overview } = service as unknown as { overview(startedAt: number): Overview };
    const data = overview.call(service, clock.wall());
    const parts = () => boardParts(board({ overview: data }), clock.wall(), data.history, everything);
    const { render } = await loadPage();
    const times: number[] = [];
    let document = '';
    for (let i = 0; i < RENDERINGS; i++) {
      // A report is reused for 250 ms.
      await clock.advance(300);
      const before = process.cpuUsage();
      document = render(parts(), 'status/events', clock.wall());
      const { user, system } = process.cpuUsage(before);
      times.push((user + system) / 1000);
    }
    times.sort((a, b) => a - b);
    const revisions = new PartRevisions();
    revisions.update(parts(), clock.wall());
    const { revision } = revisions;
    await clock.advance(INTERVAL_MS);
    revisions.update(parts(), clock.wall());
    return {
      checks: count,
      failing,
      renderMs: times[RENDERINGS / 2] as number,
      longestMs: times.at(-1) as number,
      document: Buffer.byteLength(document),
      compressed: gzipSync(document, { level: 1 }).length,
      update: revisions.since(revision).length,
    };
  } finally {
    const stopped = service.stop();
    await clock.advanceUntil(stopped);
    await settle();
  }
}

export function showStatusPage(measured: readonly MeasuredPage[]): Shown {
  const kib = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`;
  const rows = measured.map(({ checks, failing, renderMs, longestMs, document, compressed, update }) => [
    `${checks}`,
    `${failing}`,
    `${renderMs.toFixed(1)} / ${longestMs.toFixed(1)} ms`,
    kib(document),
    kib(compressed),
    kib(update),
  ]);
  return [
    table(
      ['checks', 'failing', 'CPU time, median / maximum', 'document', 'compressed', 'update after a run of each check'],
      rows,
    ),
  ];
}
