import type { Reason } from '../reason.js';
import { type CheckState, worse } from '../state.js';

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
