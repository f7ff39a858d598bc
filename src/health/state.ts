/** State of a check. `unknown`: there is no recent result. */
export const checkStates = ['pass', 'warn', 'fail', 'unknown'] as const;
export type CheckState = (typeof checkStates)[number];
/** States other than pass. */
export type NonPassState = Exclude<CheckState, 'pass'>;

/** State of a service: the `state` in a report and the status of a PONG. */
export const states = [...checkStates, 'draining', 'starting', 'not-found'] as const;
export type State = (typeof states)[number];

/** The statuses defined by application/health+json. */
export type HealthJsonStatus = 'pass' | 'warn' | 'fail';

export function healthJsonStatus(state: State): HealthJsonStatus {
  return isHealthy(state) ? state : 'fail';
}

/** Whether a check or service in this state is usable. */
export function isHealthy(state: string): state is 'pass' | 'warn' {
  return state === 'pass' || state === 'warn';
}

const severity: Readonly<Record<CheckState, number>> = { pass: 0, warn: 1, unknown: 2, fail: 3 };

/** The worse of two states: fail > unknown > warn > pass. */
export function worse(a: CheckState, b: CheckState): CheckState {
  return severity[a] >= severity[b] ? a : b;
}

/** Returns the less severe of two states. */
export function leastSevere<S extends CheckState>(a: S, b: S): S {
  return severity[a] <= severity[b] ? a : b;
}

/** The fields of a check that determine the aggregate. For a check of another process, they can be any strings. */
export interface Counted<S extends string = CheckState> {
  readonly state: S;
  readonly reason?: string | undefined;
  readonly critical: boolean;
  /** Fate of a failure about which peers were queried. */
  readonly fate?: string | undefined;
}

/** Effect of a check on the aggregate; undefined if it only reflects a failure of this service itself. */
export function effectiveState<S extends string>({
  state,
  reason,
  critical,
  fate,
}: Counted<S>): S | 'warn' | undefined {
  if (reason === 'loop') return undefined;
  if (state === 'fail' && fate === 'shared') return 'warn';
  return critical || state === 'pass' ? state : 'warn';
}

/** The worst effective state of the checks; pass if none counts. */
export function aggregate(checks: Iterable<Counted>): CheckState {
  let worst: CheckState = 'pass';
  for (const check of checks) worst = worse(worst, effectiveState(check) ?? 'pass');
  return worst;
}
