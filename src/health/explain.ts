import { isReason, type Reason, reasons } from './reason.js';
import type { ReportedCause, ReportedCheck, ReportView } from './report-view.js';
import { fateSentence } from './reported-fate.js';
import { effectiveState, isHealthy } from './state.js';

/** Explanation of a state in sentences. They contain text from other responders, so escape them before display. */
export interface Explanation {
  /** One sentence that states whether the service is ready. */
  readonly headline: string;
  /** Wall-clock time at which this state began, if known. */
  readonly since?: Date;
  /** The causes that determine the state, most important first. */
  readonly causes: readonly ExplainedCause[];
  /**
   * Other failures. They do not worsen the state, because the check is not critical or the other instances share the
   * failure.
   */
  readonly degraded: readonly ExplainedCause[];
  /** Sentences about pending thresholds, old results, ignored checks and the last change. */
  readonly notes: readonly string[];
}

/** A failure. It is listed once, no matter how many checks it affects. */
export interface ExplainedCause {
  /**
   * One sentence about what does not pass and why, without the path: `redis of stock does not pass (timeout: no
   * answer).`
   */
  readonly text: string;
  /** One sentence about the answers of peers; absent if none were queried. */
  readonly peers?: string;
  /**
   * The path from this service to the cause: the service, its checks, the responders between, the other service, its
   * check.
   */
  readonly path: readonly string[];
  /** The affected checks of this service. Empty for a cause that is not a check, such as a blocked event loop. */
  readonly checks: readonly string[];
  /** The effect of the cause on the state of this service: `fail`, `unknown` or `warn`. */
  readonly state: string;
}

/** Maximum number of causes that are printed. */
const MAX_CAUSES = 8;
/**
 * A result is normally older than its max age just before the next background run. A result is therefore reported as
 * old only above this age, in milliseconds.
 */
const STALE_REPORT_MS = 10_000;

// A Map, because another process's report may contain a reason such as `constructor`.
const phrases = new Map(
  Object.entries({
    pass: 'is ready: all checks pass',
    warn: 'is ready, but degraded',
    fail: 'is not ready',
    unknown: 'is not ready: the state of its checks is unknown',
    draining: 'is draining: it finishes current work and accepts no new work',
    starting: 'is starting: required checks have not passed yet',
    'not-found': 'has no such check or group',
  }),
);

const verbs = new Map(Object.entries({ fail: 'fails', warn: 'warns', unknown: 'is unknown' }));
/** Reasons that concern a server as a whole. */
const serverReasons: ReadonlySet<string> = new Set<Reason>([
  'refused',
  'reset',
  'unreachable',
  'dns',
  'timeout',
  'too-many-connections',
  'host-blocked',
  'read-only',
  'loading',
  'master-down',
  'cluster-down',
  'out-of-memory',
]);
/**
 * Matches the scheme and either host and port or the path of a socket in a target. Credentials in the target may be
 * masked.
 */
const serverPattern = /^([a-z][a-z0-9+.-]*):\/\/(?:[^/\s]*@)?([^/\s]+|\/\S+)/;
const loopback = /^(?:127\.|localhost\b|\[::1\]|\/)/;
/** Effects on the state, worst first. */
const effects: readonly string[] = ['fail', 'unknown', 'warn'];
/** The effects that determine each state. */
const decidingEffects = new Map<string, readonly string[]>(
  Object.entries({
    fail: ['fail', 'unknown'],
    unknown: ['fail', 'unknown'],
    starting: ['fail', 'unknown'],
    warn: ['warn'],
  }),
);

/** Explains a report. */
export function explain(report: ReportView): Explanation {
  const { state, service, instance, checks } = report;
  const subject = service ?? (instance === '' ? 'The service' : `The responder ${instance}`);
  const since = sinceOf(report);
  const causes = failuresOf(report).map((failure) => explainCause(failure, report));
  const isDeciding = ({ state: effect }: ExplainedCause) => decidingEffects.get(state)?.includes(effect) ?? false;
  return {
    headline: `${subject} ${phrases.get(state) ?? `reports ${state}`}.`,
    ...(since !== undefined && { since: new Date(since) }),
    causes: causes.filter(isDeciding),
    degraded: causes.filter((cause) => !isDeciding(cause)),
    notes: [
      ...ignoredNote(checks),
      ...peerNotes(report),
      ...checks.flatMap((check) => pendingNote(check) ?? []),
      ...checks.filter(({ stale, ageMs = 0 }) => stale && ageMs > STALE_REPORT_MS).map(staleNote),
      ...lastChange(checks, report.time),
    ],
  };
}

/** Formats an explanation as lines for terminals and logs, without headline and since. Contains at most 8 causes. */
export function explanationLines({ causes, degraded, notes }: Explanation): string[] {
  const lines = [
    ...causes.map((cause) => `${cause.state === 'warn' ? 'Degraded' : 'Root cause'}: ${sentences(cause)}`),
    ...degraded.map((cause) => `${cause.state === 'warn' ? 'Also degraded' : 'Also failing'}: ${sentences(cause)}`),
  ];
  const more = lines.length - MAX_CAUSES;
  return [
    ...lines.slice(0, MAX_CAUSES),
    ...(more > 0 ? [`${more} more ${more === 1 ? 'cause is' : 'causes are'} in the report.`] : []),
    ...notes,
  ];
}

function sentences({ text, path, checks, peers }: ExplainedCause): string {
  // The responders between this service and the service of the failing check.
  const through = path.slice(1, -2);
  const isOwn = through.length === 0;
  const seen = isOwn ? '' : `Seen through ${through.join(', then ')}.`;
  const affected = isOwn && checks.length > 1 ? `Affects ${checks.join(', ')}.` : '';
  return [text, seen, affected, peers ?? ''].filter((sentence) => sentence !== '').join(' ');
}

/** Formats a time as `2026-11-21 02:13:05 UTC, 4 min 12 s ago`. Without `now`, the age is omitted. */
export function momentAgo(moment: number, now: number | undefined): string {
  const clock = `${new Date(moment).toISOString().replace('T', ' ').slice(0, 19)} UTC`;
  return now === undefined ? clock : `${clock}, ${duration(now - moment)} ago`;
}

/** Time at which the first check that determines the overall state entered that state. */
export function sinceOf({ state, checks }: ReportView): number | undefined {
  if (state === 'pass') return undefined;
  const deciding = checks.filter((check) => effectiveState(check) === state).flatMap(({ since }) => since ?? []);
  return deciding.length === 0 ? undefined : Math.min(...deciding);
}

/** One cause, or several causes that are the same failure. */
interface Failure {
  /** The cause with the shortest path. If the paths are equally long, the one with the worse effect. */
  readonly cause: ReportedCause;
  readonly checks: readonly ReportedCheck[];
  readonly effect: string;
}

/** The failures behind the causes of a report, sorted by effect (worst first), then by number of affected checks. */
function failuresOf(report: ReportView): Failure[] {
  const failures = new Map<string, Failure>();
  const byPath = report.causes
    .map((cause): Failure => {
      const checks = affectedChecks(cause, report);
      return {
        cause,
        checks,
        effect: cause.state ?? worstEffect(checks.flatMap((check) => effectiveState(check) ?? [])) ?? 'fail',
      };
    })
    .sort((a, b) => a.cause.via.length - b.cause.via.length || rank(a.effect) - rank(b.effect));
  for (const failure of byPath) {
    const key = keyOf(failure, report);
    const { cause, checks, effect } = failures.get(key) ?? failure;
    failures.set(key, {
      cause,
      checks: [...new Set([...checks, ...failure.checks])],
      effect: worstEffect([effect, failure.effect]) ?? effect,
    });
  }
  return [...failures.values()].sort((a, b) => rank(a.effect) - rank(b.effect) || b.checks.length - a.checks.length);
}

/**
 * Key that is equal for causes that are the same failure: the same check of the same instance, or the same server with
 * the same reason, if the reason concerns the server and not what a check requests from it.
 */
function keyOf({ cause, checks }: Failure, report: ReportView): string {
  const { instance, check, target = '', reason = '' } = cause;
  const [, scheme, host = ''] = serverPattern.exec(target) ?? [];
  if (scheme === undefined || !serverReasons.has(reason)) return JSON.stringify([instance, check]);
  // A loopback address or a socket refers to a different server on each machine.
  const machine = loopback.test(host) ? machineOf(cause, checks, report) : '';
  // Sentinels monitor several servers, and the path of the target names one of them.
  return JSON.stringify([machine, scheme, scheme.endsWith('sentinel') ? target : host, reason]);
}

/**
 * Identifies the machine on which a cause was observed, as far as it is known: the machine of the report, or one per
 * instance.
 */
function machineOf({ via, instance }: ReportedCause, checks: readonly ReportedCheck[], report: ReportView): string {
  const [, , host = ''] = serverPattern.exec(checks[0]?.target ?? '') ?? [];
  const isNear = via.length === 0 || (via.length === 1 && checks.length === 1 && loopback.test(host));
  return isNear ? report.instance : instance;
}

/**
 * The checks of the reporting responder that a cause affects. If the report does not name the check, returns all checks
 * that the cause may affect.
 */
function affectedChecks({ via, check, through }: ReportedCause, { checks }: ReportView): ReportedCheck[] {
  const name = via.length === 0 ? check : through;
  if (name !== undefined) return checks.filter((own) => own.name === name);
  return checks.filter(({ reason, state }) => reason === 'dependency' && state !== 'pass');
}

function worstEffect(states: readonly string[]): string | undefined {
  return [...states].sort((a, b) => rank(a) - rank(b))[0];
}

function rank(effect: string): number {
  const at = effects.indexOf(effect);
  return at === -1 ? effects.length : at;
}

function explainCause({ cause, checks, effect }: Failure, report: ReportView): ExplainedCause {
  const { check = 'an unnamed check', reason, output, via, instance } = cause;
  const isOwn = via.length === 0;
  const names = checks.map(({ name }) => name);
  const where = cause.service ?? `responder ${instance}`;
  const state = checks.find(({ name }) => name === check)?.state ?? cause.state ?? '';
  const what = isOwn ? `${check} ${verbs.get(state) ?? 'does not pass'}` : `${check} of ${where} does not pass`;
  const isMinor = checks.length > 0 && checks.every(({ critical }) => !critical);
  const peers = fateSentence(cause, isOwn ? 'this instance' : 'that instance');
  return {
    text: `${what} (${reasonText(reason, output)})${isMinor ? ', not critical' : ''}.`,
    ...(peers !== '' && { peers }),
    path: [report.service ?? 'this service', ...(isOwn ? [] : [...between(cause, names, report), where]), check],
    checks: names,
    state: effect,
  };
}

/** The checks of this service through which a cause came, and the responders behind them. */
function between({ via, instance }: ReportedCause, names: readonly string[], report: ReportView): string[] {
  const hops = via.filter((hop) => hop !== report.instance && hop !== instance).reverse();
  return [...(names.length > 0 ? [names.join(' and ')] : []), ...hops.map((hop) => `responder ${hop}`)];
}

function ignoredNote(checks: readonly ReportedCheck[]): string[] {
  const loops = checks.filter(({ reason }) => reason === 'loop').map(({ name }) => name);
  if (loops.length === 0) return [];
  return [`Ignored, because they only reflect a failure of this service itself: ${loops.join(', ')}.`];
}

/** The answers of peers about checks whose causes are at other responders. */
function peerNotes({ causes, checks }: ReportView): string[] {
  const named = new Set(causes.flatMap(({ via, check }) => (via.length === 0 && check !== undefined ? check : [])));
  return checks
    .filter(({ name, fate }) => fate !== undefined && !named.has(name))
    .map((check) => `Peers were queried about ${check.name}. ${fateSentence(check, 'this instance')}`.trimEnd());
}

/** The reason and the output. If there is no output, the reason's description is used instead. */
function reasonText(reason: string | undefined, output: string | undefined): string {
  if (output !== undefined) return reason === undefined ? output : `${reason}: ${output}`;
  const description = reason !== undefined && isReason(reason) ? reasons[reason] : undefined;
  return description?.replace(/\.$/, '') ?? reason ?? 'no reason reported';
}

/** Describes results that will change the state if they continue. */
function pendingNote({ name, state, passes, fails, rise, fall }: ReportedCheck): string | undefined {
  const good = isHealthy(state);
  if (good && fails > 0 && fails < fall)
    return `Pending: ${name} has ${fails} of the ${fall} consecutive failures after which it fails.`;
  if (!good && passes > 0 && passes < rise)
    return `Pending: ${name} has ${passes} of the ${rise} consecutive passes after which it recovers.`;
  return undefined;
}

function staleNote({ name, ageMs }: ReportedCheck): string {
  return `Stale: the result of ${name} is ${duration(ageMs ?? 0)} old and exceeds its max age.`;
}

function lastChange(checks: readonly ReportedCheck[], now: number | undefined): string[] {
  let last: ReportedCheck | undefined;
  for (const check of checks) if ((check.since ?? 0) > (last?.since ?? 0)) last = check;
  return last?.since === undefined
    ? []
    : [`Last change: ${last.name} changed to ${last.state} at ${momentAgo(last.since, now)}.`];
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
