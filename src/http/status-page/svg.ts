import { MINUTE_MS, type Slot } from '../../health/history/slot.js';
import { type Html, html } from './html.js';

export interface BarOptions {
  /** What the bar shows, such as the name of a check. */
  readonly name: string;
  /** Wall-clock time at the end of the last slot, in milliseconds. */
  readonly end: number;
}

/** How a slot is drawn. The height shows the state without color: the worse the state, the taller the slot. */
type Look = 'none' | 'pass' | 'warn' | 'fail' | 'unknown' | 'other';

const SLOT_WIDTH = 4;
const HEIGHT = 24;
const heights: Readonly<Record<Look, number>> = { none: 2, other: 8, pass: 14, warn: 18, unknown: 21, fail: HEIGHT };
/** Dash patterns: one dash per minute, or two for an unknown state, which looks hatched. */
const DASHES = '3 1';
const HATCHED = '1 1';
const worstFirst: readonly Look[] = ['fail', 'unknown', 'warn', 'other', 'pass', 'none'];
const words: Readonly<Record<Look, string>> = {
  none: 'no data',
  other: 'starting or draining',
  pass: 'pass',
  warn: 'warn',
  unknown: 'unknown',
  fail: 'fail',
};

interface Run {
  readonly look: Look;
  readonly first: number;
  readonly count: number;
}

/**
 * Draws a history, oldest slot first, with one dash per minute and one path per run of slots with the same state. The
 * style sheet sets the colors by the classes of the paths: `none` (no data), `pass`, `warn`, `fail`, `unknown` and
 * `other` (starting, draining). `data-slots` contains numbers for a script. For each slot, these are the first letter
 * of the state, the seconds not healthy, runs, failures and mean duration; a slot without data is empty.
 */
export function historyBar(slots: readonly (Slot | undefined)[], { name, end }: BarOptions): Html {
  const runs = runsOf(slots.map(lookOf));
  const start = end - slots.length * MINUTE_MS;
  const paths = runs.map(({ look, first, count }) => {
    const height = heights[look];
    const dashes = look === 'unknown' ? html` stroke-dasharray="${HATCHED}"` : undefined;
    const line = `M${first * SLOT_WIDTH} ${HEIGHT - height / 2}h${count * SLOT_WIDTH}`;
    const span = `${timeOfDay(start + first * MINUTE_MS)} to ${timeOfDay(start + (first + count) * MINUTE_MS)} UTC`;
    return html`<path class="${look}" d="${line}" stroke-width="${height}"${dashes}><title>${span}: ${words[look]}</title></path>`;
  });
  const width = slots.length * SLOT_WIDTH;
  return html`<svg class="bar" viewBox="0 0 ${width} ${HEIGHT}" width="${width}" height="${HEIGHT}" preserveAspectRatio="none" fill="none" stroke-dasharray="${DASHES}" role="img" aria-label="${name}: ${summary(runs, start)}" data-end="${end}" data-slots="${slots.map(numbers).join(';')}">${paths}</svg>`;
}

/** Number of minutes in one part of a coarse bar. */
const COARSE_MINUTES = 5;

/**
 * Draws a history in parts of five minutes, each with its worst state. It takes about 300 bytes, for pages with
 * hundreds of bars. There is one path per state, with the classes of `historyBar`. The style sheet sets the line
 * widths, which are `heights`.
 */
export function coarseBar(slots: readonly (Slot | undefined)[]): Html {
  const looks = slots.map(lookOf);
  const parts = Array.from({ length: Math.ceil(looks.length / COARSE_MINUTES) }, (_, part) =>
    looks
      .slice(part * COARSE_MINUTES, (part + 1) * COARSE_MINUTES)
      .reduce((a, b) => (heights[a] >= heights[b] ? a : b)),
  );
  const runs = runsOf(parts);
  const paths = [...new Set(parts)].map((look) => {
    const y = HEIGHT - heights[look] / 2;
    const lines = runs.flatMap((run) => (run.look === look ? `M${run.first} ${y}h${run.count}` : []));
    return html`<path class="${look}" d="${lines.join('')}"/>`;
  });
  return html`<svg class="coarse" viewBox="0 0 ${parts.length} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${worstTwo(looks)}">${paths}</svg>`;
}

/** For example `fail 5 min, pass 35 min`. */
function worstTwo(looks: readonly Look[]): string {
  const known = worstFirst.filter((look) => look !== 'none' && looks.includes(look));
  const texts = known.map((look) => `${words[look]} ${looks.filter((one) => one === look).length} min`);
  return texts.slice(0, 2).join(', ') || words.none;
}

/**
 * The states of a history in one sentence, worst first: `last 60 min: fail for 5 min, most recently at 18:07 UTC; pass
 * for 53 min; no data for 2 min`.
 */
function summary(runs: readonly Run[], start: number): string {
  const total = runs.reduce((sum, { count }) => sum + count, 0);
  const parts = worstFirst.flatMap((look) => {
    const those = runs.filter((run) => run.look === look);
    const last = those.at(-1);
    if (!last) return [];
    const minutes = those.reduce((sum, { count }) => sum + count, 0);
    const isBad = look === 'fail' || look === 'unknown' || look === 'warn';
    const when = isBad ? `, most recently at ${timeOfDay(start + (last.first + last.count - 1) * MINUTE_MS)} UTC` : '';
    return `${words[look]} for ${minutes} min${when}`;
  });
  return `last ${total} min: ${parts.join('; ')}`;
}

const SPARK_STEP = 2;
/** Margin for the line width. */
const SPARK_MARGIN = 2;

/**
 * Draws durations in milliseconds, oldest first, on a scale from 0 to the longest. Undefined leaves a gap. Returns an
 * empty text if there are no durations.
 */
export function sparkline(durations: readonly (number | undefined)[], name: string): Html {
  const known = durations.filter((duration) => duration !== undefined);
  if (known.length === 0) return html``;
  const max = Math.max(...known);
  const scale = (HEIGHT - 2 * SPARK_MARGIN) / (max || 1);
  let path = '';
  let isDrawing = false;
  durations.forEach((duration, index) => {
    if (duration !== undefined) {
      const y = Math.round((HEIGHT - SPARK_MARGIN - duration * scale) * 10) / 10;
      // A line of length 0 with round ends is a dot, so a value between two gaps is visible.
      path += isDrawing ? `L${index * SPARK_STEP} ${y}` : `M${index * SPARK_STEP} ${y}h0`;
    }
    isDrawing = duration !== undefined;
  });
  const width = (durations.length - 1) * SPARK_STEP;
  const label = `${name}: mean duration per minute, ${formatMs(Math.min(...known))} to ${formatMs(max)}`;
  return html`<svg class="spark" viewBox="0 0 ${width} ${HEIGHT}" width="${width}" height="${HEIGHT}" preserveAspectRatio="none" fill="none" role="img" aria-label="${label}"><path d="${path}" stroke-width="1.5" stroke-linejoin="round" stroke-linecap="round" vector-effect="non-scaling-stroke"/></svg>`;
}

/** A readable duration: `0.4 ms`, `12 ms`, `1.2 s`. */
export function formatMs(ms: number): string {
  const digits = (value: number) => (value < 10 ? Math.round(value * 10) / 10 : Math.round(value));
  return ms < 999.5 ? `${digits(ms)} ms` : `${digits(ms / 1000)} s`;
}

/** Formats a fraction as percent, rounded down, so that only 1 is shown as 100 %. */
export function formatPercent(share: number): string {
  return `${Math.floor(share * 10_000) / 100} %`;
}

/** Time of day in UTC, such as `18:07`. */
function timeOfDay(wall: number): string {
  return new Date(wall).toISOString().slice(11, 16);
}

function lookOf(slot: Slot | undefined): Look {
  const worst = slot?.worst;
  if (worst === undefined) return 'none';
  if (worst === 'draining' || worst === 'starting') return 'other';
  return worst === 'not-found' ? 'unknown' : worst;
}

function runsOf(looks: readonly Look[]): Run[] {
  const runs: Run[] = [];
  let first = 0;
  looks.forEach((look, index) => {
    if (looks[index + 1] === look) return;
    runs.push({ look, first, count: index + 1 - first });
    first = index + 1;
  });
  return runs;
}

function numbers(slot: Slot | undefined): string {
  const look = lookOf(slot);
  if (!slot || look === 'none') return '';
  const { unhealthyMs, runs, failures, meanMs } = slot;
  return [
    look[0],
    Math.round(unhealthyMs / 1000),
    runs,
    failures,
    meanMs === undefined ? '' : Math.round(meanMs * 10) / 10,
  ].join();
}
