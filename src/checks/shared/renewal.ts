import type { CheckResult } from '../../health/check.js';
import type { CheckFailure, Reason } from '../../health/reason.js';

/**
 * Maximum age of a connection that a check keeps between runs, in milliseconds: an established one shows neither that the
 * server rejects new ones nor that the name has another address.
 */
export const RECONNECT_INTERVAL_MS = 10_000;
const JITTER = 1 / 4;

/**
 * When a connection established at `now` is to be renewed. Up to a quarter earlier than its maximum age, so that the checks
 * of many processes do not reconnect at the same time.
 */
export function renewalTime(now: number): number {
  return now + RECONNECT_INTERVAL_MS * (1 - Math.random() * JITTER);
}

/**
 * The result of a run whose kept connection has answered, but that could open no new one because of `failure`: clients
 * that are connected are served. A fail stays as it is; otherwise it warns, with `reason`.
 */
export function keptConnectionResult(
  answer: CheckResult,
  failure: CheckFailure,
  reason: Reason = failure.reason,
): CheckResult {
  if (answer.status === 'fail') return answer;
  return { ...answer, status: 'warn', reason, output: `${failure.message}; an older connection still answers` };
}
