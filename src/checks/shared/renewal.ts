import type { CheckResult } from '../../health/check.js';
import type { CheckFailure, Reason } from '../../health/reason.js';

/**
 * Maximum age of a connection that a check keeps between runs, in milliseconds. An established connection does not
 * reveal that the server rejects new ones, or that the name resolves to another address.
 */
const MAX_AGE_MS = 10_000;

/**
 * Decides when a check renews its kept connection. After an outage, the checks of many processes connect at the same
 * time. To spread the renewals, the first one happens before the maximum age, by a random time of up to half that age.
 * Later renewals keep this offset.
 */
export class Renewal {
  /** Monotonic times in milliseconds. */
  private connectedAt = Number.NEGATIVE_INFINITY;
  private lastRunAt = Number.NEGATIVE_INFINITY;
  /** Maximum age in milliseconds: of connections in general, and of the kept connection. */
  private limit = MAX_AGE_MS;
  private maxAge = 0;
  /** Whether the latest run had to renew the connection although it was not yet too old. */
  private isOnTime = false;

  /**
   * Called once per run, with the time `now` at which the run starts. Returns whether the kept connection would be too
   * old in the next run.
   */
  isDue(now: number): boolean {
    const nextRun = now + (now - this.lastRunAt);
    this.lastRunAt = now;
    const isDue = nextRun - this.connectedAt > this.maxAge;
    this.isOnTime = isDue && now - this.connectedAt <= this.maxAge;
    return isDue;
  }

  /** Called when a new connection is kept. `at` is the time at which it was established. */
  connected(at: number): void {
    this.connectedAt = at;
    this.maxAge = this.isOnTime ? this.limit : this.limit * (1 - Math.random() / 2);
  }

  /** Sets the maximum age in milliseconds, including that of the kept connection. */
  setMaxAge(limit: number): void {
    this.limit = limit;
    this.maxAge = limit;
  }
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
