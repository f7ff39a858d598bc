import type { Log } from '../common/log.js';
import type { Transition } from '../health/query/registry.js';
import type { State } from '../health/state.js';

const levels: Readonly<Record<State, 'info' | 'warn' | 'error'>> = {
  pass: 'info',
  warn: 'warn',
  fail: 'error',
  unknown: 'warn',
  draining: 'info',
  starting: 'info',
  'not-found': 'warn',
};

/** Logs one line for each transition of a check or group. */
export function logTransitions(
  health: { onTransition(listener: (transition: Transition) => void): () => void },
  log: Log,
): void {
  health.onTransition(({ of, name, from, to, reason, output }) => {
    // The `all` group would repeat the lines of the checks. A drain is logged by its caller.
    if (to === 'draining' || (of === 'group' && name === 'all')) return;
    const fields = { [of]: name, from, to, ...(reason && { reason }), ...(output !== undefined && { output }) };
    const why = [reason, output].filter((part) => part !== undefined).join(': ');
    log[levels[to]](fields, `${of} ${name}: ${from} -> ${to}${why && ` (${why})`}`);
  });
}
