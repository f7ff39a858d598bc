import { markdown, table } from './table.js';

/** A year of 365.25 days, in seconds. */
const YEAR = 31_557_600;
/** Minimum time before a kernel retransmits a segment, in seconds. */
const RTO = 0.2;
/** PINGs are sent up to a quarter of the interval early, so an eighth on average. */
const JITTER = 0.875;
/** PING, PONG, and the acknowledgment of the PONG. */
const SEGMENTS = 3;
const CONNECTIONS = 1000;

/** Interval in seconds, and number of unanswered PINGs with which a peer is dead when the next one is due. */
const settings: readonly { interval: number; out: number; preset?: string }[] = [
  { interval: 1, out: 3 },
  { interval: 2.25, out: 3, preset: 'strict' },
  { interval: 5, out: 1 },
  { interval: 5, out: 3 },
  { interval: 10, out: 1 },
  { interval: 10, out: 3, preset: 'default' },
  { interval: 30, out: 1 },
  { interval: 30, out: 3 },
];

/**
 * Number of times that TCP sends a segment within `seconds`, including the first time, if each wait is twice as long as
 * the previous one.
 */
export function tries(seconds: number, rto = RTO): number {
  return Math.floor(Math.log2(seconds / rto + 1)) + 1;
}

/**
 * Expected number of times per year and connection that a live peer is declared dead, if this fraction of the segments
 * is lost in `ways` directions.
 */
export function falseDetections(interval: number, out: number, lost: number, ways: 1 | 2): number {
  const rounds = YEAR / (interval * JITTER);
  return rounds * Math.min(1, ways * lost ** tries(out * interval));
}

function few(count: number): string {
  if (count < 0.01) return 'under 0.01';
  return Number(count.toPrecision(2)).toLocaleString('en');
}

const costs = markdown(
  table(
    [
      'interval, unanswered',
      'detected within',
      'packets per second',
      'TCP attempts',
      'loss in both directions: 1 %',
      '5 %',
      '10 %',
      'loss in one direction: 30 %',
    ],
    settings.map(({ interval, out, preset }) => {
      const detections = (lost: number, ways: 1 | 2) => few(CONNECTIONS * falseDetections(interval, out, lost, ways));
      return [
        `${interval} s, ${out}${preset ? ` (\`${preset}\`)` : ''}`,
        `${out * interval}-${(out + 1) * interval} s`,
        few((CONNECTIONS * SEGMENTS) / (interval * JITTER)),
        String(tries(out * interval)),
        ...[detections(0.01, 2), detections(0.05, 2), detections(0.1, 2), detections(0.3, 1)],
      ];
    }),
  ),
);

/** The table below a heading in RESULTS.md. */
function measured(results: string, title: string): string {
  const part = results.split(/^## /m).find((text) => text.startsWith(`${title}\n`)) ?? '';
  return (/^\|[^]*\|$/m.exec(part)?.[0] ?? '').trim();
}

/** Detection times without the application's errors, sorted from shortest to longest. */
function times(detection: string): string {
  const brief = (_all: string, ...seconds: string[]) => {
    const [min, max] = seconds.slice(0, 2).map((text) => Number(text).toFixed(1));
    return min === max ? `${min} s` : `${min}-${max} s`;
  };
  return detection.replace(/([\d.]+) \/ [\d.]+ \/ ([\d.]+) s \([^|]*\)/g, brief).replace(/not within \d+ s/g, '**no**');
}

/** The tables in protocol/HEARTBEATS.md: the measurements, and the results of the formula. */
export function heartbeatTables(results: string): Record<string, string> {
  return {
    http: measured(results, 'HTTP keep-alive'),
    silence: measured(results, 'TCP keep-alive and heartbeats'),
    detection: times(measured(results, 'Detection times')),
    costs,
    loss: measured(results, '30 % packet loss'),
  };
}

/** Inserts each table between the two comments that name it. */
export function withTables(page: string, tables: Readonly<Record<string, string>>): string {
  return Object.entries(tables).reduce(
    (text, [name, rows]) =>
      text.replace(
        new RegExp(`(<!-- experiment: ${name} -->)[^]*?(<!-- /experiment: ${name} -->)`),
        (_all, open, close) => `${open}\n${rows}\n${close}`,
      ),
    page,
  );
}
