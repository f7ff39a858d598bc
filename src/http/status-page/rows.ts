import type { HistoryView } from '../../health/history/health-history.js';
import type { Series } from '../../health/history/recorder.js';
import { MINUTE_MS, type Slot } from '../../health/history/slot.js';
import type { ReportedCheck } from '../../health/report-view.js';
import { failureText } from '../../health/reported-fate.js';
import { isHealthy } from '../../health/state.js';
import { type Html, html } from './html.js';
import { badge, lookOf, moment } from './marks.js';
import type { BoardCheck } from './overview.js';
import { formatMs, formatPercent, historyBar, sparkline } from './svg.js';

const HOUR_MS = 3_600_000;
/** Number of slots in a bar. */
const MINUTES = 60;
type Slots = readonly (Slot | undefined)[];

/** A check with everything that its row shows. */
export interface RowCheck {
  readonly check: ReportedCheck;
  readonly entry: BoardCheck;
  /** Wall-clock time shown on the page, in milliseconds. */
  readonly wall: number;
  readonly history: HistoryView;
  /** Whether the row contains its bar. Otherwise, it loads the bar when it is opened. */
  readonly hasBar: boolean;
}

export function itemId(name: string): string {
  return `item-${name}`;
}

/** One item of the list of checks. */
export function checkRow({ check, entry, wall, history, hasBar }: RowCheck): Html {
  const { name, state, since, critical, stale } = check;
  const why = failureText(check);
  const facts = [
    targetText(entry),
    observedText(entry),
    pendingText(check),
    stale && 'result exceeds its max age',
    !critical && 'not critical',
  ].filter((fact) => typeof fact === 'string');
  const series = hasBar ? history.check(name) : undefined;
  const slots = series?.slots(MINUTES) ?? [];
  return html`<li id="${itemId(name)}" class="check ${lookOf(state)}"><div class="what"><h3>${name}</h3>${badge(state)}${
    state !== 'pass' && since !== undefined && html` <small>since ${moment(since, wall)}</small>`
  }${facts.length > 0 && html`<p class="facts">${facts.join(' · ')}</p>`}${
    why !== '' && html`<p class="reason">${why}</p>`
  }</div>
${hasBar ? past(name, series, slots, history.minute) : lazyPast(name)}
${runs(check, entry, slots, wall)}</li>`;
}

/** A group's bar for the last hour, with its availability. */
export function groupPast(name: string, history: HistoryView): Html {
  const series = history.group(name);
  return series
    ? html`<h2>Last hour of ${name}</h2>${past(name, series, series.slots(MINUTES), history.minute)}`
    : html``;
}

/** The script writes the selected minute into `.minute`. */
function past(name: string, series: Series | undefined, slots: Slots, minute: number): Html {
  const all = slots.length === 0 ? Array.from({ length: MINUTES }, () => undefined) : slots;
  return html`<div class="past">${historyBar(all, { name, end: minute + MINUTE_MS })}
<p class="minute" aria-hidden="true"></p>${series && availability(series)}</div>`;
}

function availability(series: Series): Html {
  const share = (hours: number) => {
    const available = series.availability(hours * HOUR_MS);
    return available === undefined ? 'no data' : formatPercent(available);
  };
  return html`<p class="availability"><span>Available 1 h <b>${share(1)}</b></span> <span>24 h <b>${share(24)}</b></span></p>`;
}

function lazyPast(name: string): Html {
  const url = `?check=${encodeURIComponent(name)}`;
  return html`<details class="past lazy"><summary>Last hour</summary><a href="${url}">${name} alone</a></details>`;
}

/** When the check last ran, how long the run took, and the durations in the last hour. */
function runs({ name, durationMs }: ReportedCheck, { time }: BoardCheck, slots: Slots, wall: number): Html {
  if (time === undefined) return html`<div class="runs">has not run yet</div>`;
  const longest = Math.max(0, ...slots.map((slot) => slot?.maxMs ?? 0));
  return html`<div class="runs">${sparkline(
    slots.map((slot) => slot?.meanMs),
    name,
  )}ran ${moment(Date.parse(time), wall)}${durationMs !== undefined && html` in <b>${formatMs(durationMs)}</b>`}${
    longest > 0 && html`<span>, max ${formatMs(longest)}</span>`
  }</div>`;
}

/** The kind is omitted if the target shows it, as in `redis://127.0.0.1:6379`. */
function targetText({ kind, target }: BoardCheck): string | undefined {
  if (kind === undefined || target === undefined) return kind;
  return /^[a-z]+/.exec(target)?.[0].startsWith(kind) ? target : `${kind} ${target}`;
}

/** Describes results that will change the state if they continue. */
function pendingText({ state, passes, fails, rise, fall }: ReportedCheck): string | undefined {
  const isGood = isHealthy(state);
  if (isGood && fails > 0 && fails < fall) return `${fails} of ${fall} failures until it fails`;
  if (!isGood && passes > 0 && passes < rise) return `${passes} of ${rise} passes until it recovers`;
  return undefined;
}

/** Units that are written after a number. Other units name the observed property, such as `role`. */
const unitAfterNumber = /^(?:[mn]?s|%|bytes|days|records)$/;

function observedText({ observedValue: value, observedUnit: unit }: BoardCheck): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'object') {
    const units = typeof unit === 'object' ? unit : {};
    const parts = Object.entries(value).map(
      ([name, part]) => `${name} ${formatValue(part, Object.hasOwn(units, name) ? units[name] : undefined)}`,
    );
    return `${typeof unit === 'string' ? `${unit}: ` : ''}${parts.join(', ')}`;
  }
  if (typeof unit !== 'string') return `observed ${formatValue(value)}`;
  return unitAfterNumber.test(unit) ? `observed ${formatValue(value, unit)}` : `${unit} ${formatValue(value)}`;
}

const decimal = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });

function formatValue(value: unknown, unit?: string): string {
  if (typeof value !== 'number') return String(value);
  if (unit === 'bytes') return formatBytes(value);
  const text = decimal.format(value);
  return unit === undefined ? text : `${text} ${unit}`;
}

function formatBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  return `${decimal.format(Number((bytes / 1024 ** power).toPrecision(3)))} ${units[power]}`;
}
