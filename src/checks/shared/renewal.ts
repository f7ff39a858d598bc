import type { CheckResult } from '../../health/check.js';
import type { CheckFailure, Reason } from '../../health/reason.js';

/**
 * Maximum age of a connection that a check keeps between runs, in milliseconds. An established connection does not
 * reveal that the server rejects new ones, or that the name resolves to another address.
 */
export const RECONNECT_INTERVAL_MS = 10_000;
const JITTER = 1 / 4;

/**
 * Time at which a connection established at `now` must be renewed. It is up to a quarter earlier than the maximum age,
 * so that the checks of many processes do not reconnect at the same time.
 */
export function renewalTime(now: number): number {
  return now + RECONNECT_INTERVAL_MS * (1 - Math.random() * JITTER);
}

/**
 * Result of a run whose kept connection has answered, but in which no new one could be opened because of `failure`.
 * Connected clients are still served, so the run warns with `reason`, unless the answer is a fail.
 */
export function keptConnectionResult(
  answer: CheckResult,
  failure: CheckFailure,
  reason: Reason = failure.reason,
): CheckResult {
  if (answer.status === 'fail') return answer;
  return { ...answer, status: 'warn', reason, output: `${failure.message}; an older connection still answers` };
}
