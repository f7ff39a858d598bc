import type { Cause } from './check.js';
import type { Verdict } from './fate.js';
import type { ReportDetail } from './health.js';
import type { Member } from './member.js';
import type { Group } from './query/group.js';
import { MAX_CAUSES } from './result.js';
import { effectiveState, healthJsonStatus, leastSevere, type NonPassState, worse } from './state.js';

/** Maximum size of the causes in one report, in bytes, so that a report without its checks always fits in a PONG. */
const MAX_CAUSES_BYTES = 49_152;

/** Identity of this process in reports. */
export interface Identity {
  instance: string;
  serviceId?: string;
  releaseId?: string;
}

/** Time of a report on the monotonic clock and the wall clock, in milliseconds. */
export interface Moment {
  now: number;
  wall: number;
}

/**
 * The report of one group (`protocol/report.schema.json`): application/health+json with additional keys. All times in
 * it are computed as the wall-clock time of the report minus an age, so that a wall-clock step cannot make them
 * inconsistent.
 */
export function report(group: Group, identity: Identity, moment: Moment, detail: ReportDetail): object {
  const { state } = group.current();
  const causes = boundedCauses([...(group.ownCause ? [group.ownCause] : []), ...causesOf(group.checks, identity)]);
  if (detail === 'chain') {
    return { instance: identity.instance, state, causes: causes.map(({ instance, via }) => ({ instance, via })) };
  }
  return {
    status: healthJsonStatus(state),
    state,
    instance: identity.instance,
    ...(identity.serviceId !== undefined && { serviceId: identity.serviceId }),
    ...(identity.releaseId !== undefined && { releaseId: identity.releaseId }),
    time: new Date(moment.wall).toISOString(),
    causes,
    ...(detail === 'full' && {
      checks: Object.fromEntries(group.checks.map((check) => [check.name, [entry(check, moment)]])),
    }),
  };
}

/** A cause. If it came from another responder, `through` is the check whose result contains the cause. */
type RootCause = Cause & { readonly through?: string };

/** Root causes, worst state first. */
function causesOf(checks: readonly Member[], { instance, serviceId }: Identity): RootCause[] {
  return checks
    .filter(({ state, reason }) => state !== 'pass' && reason !== 'loop')
    .sort((a, b) => (a.state === b.state ? 0 : worse(a.state, b.state) === a.state ? -1 : 1))
    .flatMap((check) => {
      const { name, reason, hysteresis } = check;
      const { result } = hysteresis;
      const state = effectiveState(check) as NonPassState;
      if (result?.causes) {
        return result.causes.map((cause) => ({
          ...cause,
          through: name,
          ...(cause.state && { state: leastSevere(cause.state, state) }),
        }));
      }
      const service = serviceId === undefined ? {} : { service: serviceId };
      const { target } = check.check;
      const leaf: Cause = {
        instance,
        ...service,
        via: [],
        check: name,
        ...(target !== undefined && { target }),
        state,
      };
      if (reason) leaf.reason = reason;
      if (result?.verdict) Object.assign(leaf, verdictEntry(result.verdict));
      leaf.output = check.output ?? (result ? '' : 'no recent result');
      return [leaf];
    });
}

function entry(member: Member, { now, wall }: Moment): object {
  const { check, state, reason, output, duration, hysteresis } = member;
  const { result, since, passes, fails } = hysteresis;
  const hasRun = member.startedAt > Number.NEGATIVE_INFINITY;
  const age = Math.max(0, now - member.startedAt);
  const ago = (ms: number): string => new Date(wall - ms).toISOString();
  return {
    status: healthJsonStatus(state),
    state,
    ...(check.componentType !== undefined && { componentType: check.componentType }),
    ...(check.target !== undefined && { target: check.target }),
    ...(hasRun && { time: ago(age) }),
    ...(result?.observedValue !== undefined && { observedValue: result.observedValue }),
    ...(result?.observedUnit !== undefined && { observedUnit: result.observedUnit }),
    ...(output !== undefined && { output }),
    ...(reason && { reason }),
    ...(result?.verdict && verdictEntry(result.verdict)),
    ...(hasRun && { ageMs: Math.round(age), ...(age > check.maxAge && { stale: true }) }),
    ...(duration !== undefined && { durationMs: Math.round(duration * 10) / 10 }),
    since: ago(now - since),
    critical: check.critical,
    groups: check.groups,
    passes,
    fails,
    rise: check.rise,
    fall: check.fall,
  };
}

function verdictEntry({ fate, peers }: Verdict): Pick<Cause, 'fate' | 'peers'> {
  return { fate, peers };
}

/** The first causes that fit the limits for number and size. */
function boundedCauses(causes: Iterable<RootCause>): RootCause[] {
  const included: RootCause[] = [];
  let bytes = 0;
  for (const cause of causes) {
    bytes += Buffer.byteLength(JSON.stringify(cause)) + 1;
    if (included.length === MAX_CAUSES || bytes > MAX_CAUSES_BYTES) break;
    included.push(cause);
  }
  return included;
}
