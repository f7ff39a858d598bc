import { reasons } from './reason.js';
import type { ReportedCause, ReportedCheck, ReportView } from './report-view.js';
import { fateSentence, type ReportedFate } from './reported-fate.js';

/** Explanation of a state in sentences. They contain text from other responders: escape them before display. */
export interface Explanation {
  /** One sentence: whether the service is ready. */
  readonly headline: string;
  /** Wall-clock time of the last change of state, if known. */
  readonly since?: Date;
  /** Root causes, pending thresholds and the last change, most important first. */
  readonly lines: readonly string[];
}

const MAX_CAUSES = 8;
/**
 * A result past its max age is normal until the next background run; only one older than this, in milliseconds, is
 * reported.
 */
const STALE_REPORT_MS = 10_000;

const phrases: Readonly<Record<string, string>> = {
  pass: 'is ready: all checks pass',
  warn: 'is ready, but degraded',
  fail: 'is not ready',
  unknown: 'is not ready: the state of its checks is unknown',
  draining: 'is draining: it finishes current work and accepts no new work',
  starting: 'is starting: required checks have not passed yet',
  'not-found': 'has no such check or group',
};

/** Explains a report in sentences. */
export function explain(report: ReportView): Explanation {
  const { state, service, instance, checks } = report;
  const subject = service ?? (instance === '' ? 'The service' : `The responder ${instance}`);
  const since = sinceOf(report);
  return {
    headline: `${subject} ${phrases[state] ?? `reports ${state}`}.`,
    ...(since !== undefined && { since: new Date(since) }),
    lines: [
      ...causeLines(report),
      ...fateLines(report),
      ...checks.flatMap((check) => pendingLine(check) ?? []),
      ...checks.filter(({ stale, ageMs = 0 }) => stale && ageMs > STALE_REPORT_MS).map(staleLine),
      ...lastChange(checks, report.time),
    ],
  };
}

/** Formats `2026-11-21 02:13:05 UTC, 4 min 12 s ago`; without `now`, only the time. */
export function momentAgo(moment: number, now: number | undefined): string {
  const clock = `${new Date(moment).toISOString().replace('T', ' ').slice(0, 19)} UTC`;
  return now === undefined ? clock : `${clock}, ${duration(now - moment)} ago`;
}

/** Time at which the first of the deciding checks entered the overall state. */
function sinceOf({ state, checks }: ReportView): number | undefined {
  if (state === 'pass') return undefined;
  const deciding = checks.filter((check) => countsAs(check) === state).flatMap(({ since }) => since ?? []);
  return deciding.length === 0 ? undefined : Math.min(...deciding);
}

function countsAs({ state, critical, fate }: ReportedCheck): string {
  if (state === 'fail' && fate === 'shared') return 'warn';
  return critical || state === 'pass' ? state : 'warn';
}

function causeLines(report: ReportView): string[] {
  const { causes, checks } = report;
  const lines = causes.slice(0, MAX_CAUSES).map((cause) => causeLine(cause, report));
  const more = causes.length - MAX_CAUSES;
  if (more > 0) lines.push(`${more} more ${more === 1 ? 'cause is' : 'causes are'} in the report.`);
  const loops = checks.filter(({ reason }) => reason === 'loop').map(({ name }) => name);
  if (loops.length > 0)
    lines.push(`Ignored, because they only reflect a failure of this service itself: ${loops.join(', ')}.`);
  return lines;
}

function causeLine(cause: ReportedCause, { state, checks, instance }: ReportView): string {
  const { check = 'an unnamed check', reason, output, via } = cause;
  const why = reasonText(reason, output);
  if (via.length === 0) {
    const own = checks.find(({ name }) => name === check);
    const soft = own?.critical === false;
    const isDegrading = soft || cause.fate === 'shared';
    const label = isDegrading && state !== 'warn' ? 'Also degraded' : 'Root cause';
    const description = `${check} is ${own?.state ?? cause.state ?? 'not passing'} (${why})`;
    return `${label}: ${description}${soft ? ', not critical' : ''}.${fateOf(cause, 'this instance')}`;
  }
  const where = cause.service ?? `the responder ${cause.instance}`;
  const through = checks
    .filter(({ reason: own, state }) => own === 'dependency' && state !== 'pass')
    .map(({ name }) => name);
  const hops = via.filter((hop) => hop !== instance && hop !== cause.instance);
  const path = [...through.slice(0, 1), ...hops.reverse().map((hop) => `the responder ${hop}`)];
  return `Root cause: ${check} of ${where} is not passing (${why})${path.length > 0 ? `, seen through ${path.join(', then ')}` : ''}.${fateOf(cause, 'that instance')}`;
}

/** The checks that are down because of other responders, which are the causes. */
function fateLines({ causes, checks }: ReportView): string[] {
  const named = new Set(causes.flatMap(({ via, check }) => (via.length === 0 && check !== undefined ? check : [])));
  return checks
    .filter(({ name, fate }) => fate !== undefined && !named.has(name))
    .map((check) => `Peers were asked about ${check.name}.${fateOf(check, 'this instance')}`);
}

function fateOf(failure: ReportedFate, subject: string): string {
  const sentence = fateSentence(failure, subject);
  return sentence === '' ? '' : ` ${sentence}`;
}

/** The reason and the output; without an output, the description of the reason. */
function reasonText(reason: string | undefined, output: string | undefined): string {
  if (output !== undefined) return reason === undefined ? output : `${reason}: ${output}`;
  const description = (reasons as Readonly<Record<string, string>>)[reason ?? ''];
  return description?.replace(/\.$/, '') ?? reason ?? 'no reason reported';
}

/** Results that change the state if they continue. */
function pendingLine({ name, state, passes, fails, rise, fall }: ReportedCheck): string | undefined {
  const good = state === 'pass' || state === 'warn';
  if (good && fails > 0 && fails < fall)
    return `Pending: ${name} has ${fails} of the ${fall} consecutive failures after which it fails.`;
  if (!good && passes > 0 && passes < rise)
    return `Pending: ${name} has ${passes} of the ${rise} consecutive passes after which it recovers.`;
  return undefined;
}

function staleLine({ name, ageMs }: ReportedCheck): string {
  return `Stale: the result of ${name} is ${duration(ageMs ?? 0)} old and exceeds its max age.`;
}

function lastChange(checks: readonly ReportedCheck[], now: number | undefined): string[] {
  let last: ReportedCheck | undefined;
  for (const check of checks) if ((check.since ?? 0) > (last?.since ?? 0)) last = check;
  return last?.since === undefined
    ? []
    : [`Last change: ${last.name} became ${last.state} at ${momentAgo(last.since, now)}.`];
}

/** Formats a duration with its two largest units: `850 ms`, `12 s`, `4 min 12 s`, `3 h 5 min`, `12 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = Math.floor(ms / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}
