import { reasons } from './reason.js';
import type { ReportedCause, ReportedCheck, ReportView } from './report-view.js';

/** The answer to "why?", in sentences. They hold what others said: whoever shows them escapes them. */
export interface Explanation {
  /** Whether it gets work. */
  readonly headline: string;
  /** Since when, in wall time, where that is known. */
  readonly since?: Date;
  /** Because of what, which threshold is pending, what changed last; the most important first. */
  readonly lines: readonly string[];
}

const MAX_CAUSES = 8;
/** Until the next background run a result may be older than its max age, and nothing is wrong. Milliseconds. */
const LONG_AGO = 10_000;

const phrases: Readonly<Record<string, string>> = {
  pass: 'is ready: all that it needs works',
  warn: 'is ready, but not all is well',
  fail: 'is not ready',
  unknown: 'is not ready: it does not know how its dependencies are',
  draining: 'is draining: it finishes what it has and wants no new work',
  starting: 'is starting: not all that it waits for has passed yet',
  'not-found': 'knows no such check or group',
};

/** Says in words what a report says in fields. */
export function explain(report: ReportView): Explanation {
  const { state, service, instance, checks } = report;
  const who = service ?? (instance === '' ? 'It' : `The responder ${instance}`);
  const since = sinceWhen(report);
  return {
    headline: `${who} ${phrases[state] ?? `says ${state}`}.`,
    ...(since !== undefined && { since: new Date(since) }),
    lines: [
      ...causeLines(report),
      ...checks.flatMap((check) => pendingLine(check) ?? []),
      ...checks.filter(({ stale, ageMs = 0 }) => stale && ageMs > LONG_AGO).map(staleLine),
      ...lastChange(checks, report.time),
    ],
  };
}

/** `2026-11-21 02:13:05 UTC, 4 min 12 s ago`; without a moment of the report, how long ago is not told. */
export function momentAgo(moment: number, now: number | undefined): string {
  const clock = `${new Date(moment).toISOString().replace('T', ' ').slice(0, 19)} UTC`;
  return now === undefined ? clock : `${clock}, ${duration(now - moment)} ago`;
}

/** Since the first of the checks is what the whole is. */
function sinceWhen({ state, checks }: ReportView): number | undefined {
  if (state === 'pass') return undefined;
  const deciding = checks.filter((check) => countsAs(check) === state).flatMap(({ since }) => since ?? []);
  return deciding.length === 0 ? undefined : Math.min(...deciding);
}

function countsAs({ state, critical }: ReportedCheck): string {
  return critical || state === 'pass' ? state : 'warn';
}

function causeLines(report: ReportView): string[] {
  const { causes, checks } = report;
  const word = causes.length > 1 ? 'Root causes' : 'Root cause';
  const lines = causes.slice(0, MAX_CAUSES).map((cause) => `${word}: ${causeSentence(cause, report)}`);
  const more = causes.length - MAX_CAUSES;
  if (more > 0) lines.push(`${more} more ${more === 1 ? 'cause is' : 'causes are'} in the report.`);
  const loops = checks.filter(({ reason }) => reason === 'loop').map(({ name }) => name);
  if (loops.length > 0)
    lines.push(`Not counted, because it is only this one's own trouble that came back: ${loops.join(', ')}.`);
  return lines;
}

function causeSentence(cause: ReportedCause, { checks, instance }: ReportView): string {
  const { check = 'what it did not name', reason, output, via } = cause;
  const why = whyOf(reason, output);
  if (via.length === 0) {
    const own = checks.find(({ name }) => name === check);
    const soft = own && !own.critical ? ' It is not critical.' : '';
    return `${check} is ${own?.state ?? 'not well'} (${why}).${soft}`;
  }
  const where = cause.service ?? `the responder ${cause.instance}`;
  const through = checks
    .filter(({ reason: own, state }) => own === 'dependency' && state !== 'pass')
    .map(({ name }) => name);
  const hops = via.filter((hop) => hop !== instance && hop !== cause.instance);
  const path = [...through.slice(0, 1), ...hops.reverse().map((hop) => `the responder ${hop}`)];
  return `${check} of ${where} is not well (${why})${path.length > 0 ? `, seen through ${path.join(', then ')}` : ''}.`;
}

/** The reason, and what was said about it; a reason alone is told in words. */
function whyOf(reason: string | undefined, output: string | undefined): string {
  if (output !== undefined) return reason === undefined ? output : `${reason}: ${output}`;
  return (reasons as Readonly<Record<string, string>>)[reason ?? ''] ?? reason ?? 'it did not say why';
}

/** Results that would change the state if they went on. */
function pendingLine({ name, state, passes, fails, rise, fall }: ReportedCheck): string | undefined {
  const good = state === 'pass' || state === 'warn';
  if (good && fails > 0 && fails < fall)
    return `Pending: ${name} failed ${times(fails)} in a row; it fails at ${fall}.`;
  if (!good && passes > 0 && passes < rise)
    return `Pending: ${name} passed ${times(passes)} in a row; it is well again at ${rise}.`;
  return undefined;
}

function staleLine({ name, ageMs }: ReportedCheck): string {
  return `Old: the result of ${name} is ${duration(ageMs ?? 0)} old, which is more than its max age.`;
}

function lastChange(checks: readonly ReportedCheck[], now: number | undefined): string[] {
  let last: ReportedCheck | undefined;
  for (const check of checks) if ((check.since ?? 0) > (last?.since ?? 0)) last = check;
  return last?.since === undefined
    ? []
    : [`Last change: ${last.name} became ${last.state} at ${momentAgo(last.since, now)}.`];
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

/** In the two largest units that it has: `850 ms`, `12 s`, `4 min 12 s`, `3 h 5 min`, `12 d 4 h`. */
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
