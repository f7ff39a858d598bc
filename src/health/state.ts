import type { Reason } from './reason.js';

/** What a check can be found in. `unknown` is what nobody has found out lately. */
export const checkStates = ['pass', 'warn', 'fail', 'unknown'] as const;
export type CheckState = (typeof checkStates)[number];
/** What is not well. */
export type NonPassState = Exclude<CheckState, 'pass'>;

/** What a service as a whole can be in: the `state` of a report and the status of a PONG. */
export const states = [...checkStates, 'draining', 'starting', 'not-found'] as const;
export type State = (typeof states)[number];

/** The three words that readers of application/health+json know. */
export type HealthJsonStatus = 'pass' | 'warn' | 'fail';

export function healthJsonStatus(state: State): HealthJsonStatus {
  return state === 'pass' || state === 'warn' ? state : 'fail';
}

const severity: Readonly<Record<CheckState, number>> = { pass: 0, warn: 1, unknown: 2, fail: 3 };

/** The worse of two: fail > unknown > warn > pass. */
export function worse(a: CheckState, b: CheckState): CheckState {
  return severity[a] >= severity[b] ? a : b;
}

/** The milder of two. */
export function leastSevere<S extends CheckState>(a: S, b: S): S {
  return severity[a] <= severity[b] ? a : b;
}

/** What the algebra looks at. */
export interface Counted {
  readonly state: CheckState;
  readonly reason: Reason | undefined;
  readonly critical: boolean;
}

/** What a check adds to an aggregate; undefined where it is left out: its failure is only ours that came back. */
export function effectiveState({ state, reason, critical }: Counted): CheckState | undefined {
  if (reason === 'loop') return undefined;
  return critical || state === 'pass' ? state : 'warn';
}

/** The worst of what the checks add; pass where nothing is added. */
export function aggregate(checks: Iterable<Counted>): CheckState {
  let worst: CheckState = 'pass';
  for (const check of checks) worst = worse(worst, effectiveState(check) ?? 'pass');
  return worst;
}
