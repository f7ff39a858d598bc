import type { Cause } from './check.js';
import type { ReportDetail } from './health.js';
import type { Group } from './query/group.js';
import { MAX_CAUSES } from './result.js';
import type { Monitor } from './runs/monitor.js';
import { effectiveState, healthJsonStatus, leastSevere, type NonPassState, worse } from './state.js';

/** The most bytes that the causes of one report take, so that a report without its checks always fits a PONG. */
const MAX_CAUSES_BYTES = 49_152;

/** Who reports. */
export interface Identity {
  instance: string;
  serviceId?: string;
  releaseId?: string;
}

/** The moment of a report, on both clocks, in milliseconds. */
export interface Moment {
  now: number;
  wall: number;
}

/**
 * The report of one group (`protocol/report.schema.json`): application/health+json
 * with keys of our own. All times in it are the wall time of its own moment
 * less an age, so that a step of the wall clock cannot set them at odds.
 */
export function report(group: Group, identity: Identity, moment: Moment, detail: ReportDetail): object {
  const { state } = group.current();
  const causes = boundedCauses(causesOf(group.checks, identity));
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

/** The leaves of what is not well, the worst first. */
function causesOf(checks: readonly Monitor[], { instance, serviceId }: Identity): Cause[] {
  return checks
    .filter(({ state, reason }) => state !== 'pass' && reason !== 'loop')
    .sort((a, b) => (a.state === b.state ? 0 : worse(a.state, b.state) === a.state ? -1 : 1))
    .flatMap((check) => {
      const { name, reason, hysteresis } = check;
      const { result } = hysteresis;
      const state = effectiveState(check) as NonPassState;
      if (result?.causes) {
        return result.causes.map((cause) =>
          cause.state ? { ...cause, state: leastSevere(cause.state, state) } : cause,
        );
      }
      const service = serviceId === undefined ? {} : { service: serviceId };
      const leaf: Cause = { instance, ...service, via: [], check: name, state };
      if (reason) leaf.reason = reason;
      leaf.output = check.output ?? (result ? '' : 'no result that is recent enough');
      return [leaf];
    });
}

function entry(monitor: Monitor, { now, wall }: Moment): object {
  const { check, state, reason, output, duration, hysteresis } = monitor;
  const { result, since, passes, fails } = hysteresis;
  // A check that never ran is as old as the knowledge that nothing is known.
  const age = Math.max(0, now - (monitor.startedAt > Number.NEGATIVE_INFINITY ? monitor.startedAt : since));
  const ago = (ms: number): string => new Date(wall - ms).toISOString();
  return {
    status: healthJsonStatus(state),
    state,
    ...(check.componentType !== undefined && { componentType: check.componentType }),
    time: ago(age),
    ...(result?.observedValue !== undefined && { observedValue: result.observedValue }),
    ...(result?.observedUnit !== undefined && { observedUnit: result.observedUnit }),
    ...(output !== undefined && { output }),
    ...(reason && { reason }),
    ageMs: Math.round(age),
    ...(age > check.maxAge && { stale: true }),
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

/** The first of `causes` that a report has room for. */
function boundedCauses(causes: Iterable<Cause>): Cause[] {
  const kept: Cause[] = [];
  let bytes = 0;
  for (const cause of causes) {
    bytes += Buffer.byteLength(JSON.stringify(cause)) + 1;
    if (kept.length === MAX_CAUSES || bytes > MAX_CAUSES_BYTES) break;
    kept.push(cause);
  }
  return kept;
}
