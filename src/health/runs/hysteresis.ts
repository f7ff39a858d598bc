import type { NormalizedResult } from '../result.js';
import { type CheckState, isHealthy } from '../state.js';

/**
 * Applies `rise` and `fall` to the results of a check. A result counts after `rise` consecutive good results or `fall`
 * consecutive bad ones. Pass and warn are good, fail and unknown are bad. A result counts immediately if it is the
 * first one, the first one after an expiry, or on the same side as the result that counts.
 */
export class Hysteresis {
  /** The result that counts; undefined if there is none. */
  result: NormalizedResult | undefined;
  /** Monotonic time of the last state change. */
  since: number;
  /** Number of consecutive good results. */
  passes = 0;
  /** Number of consecutive bad results. */
  fails = 0;

  private isRestarted = false;

  constructor(
    /** Thresholds. Changes apply from the next result. */
    public rise: number,
    public fall: number,
    now: number,
  ) {
    this.since = now;
  }

  get state(): CheckState {
    return this.result?.status ?? 'unknown';
  }

  record(result: NormalizedResult, now: number): void {
    const good = isGood(result);
    const counts = this.counts(result);
    this.isRestarted = false;
    this.passes = good ? this.passes + 1 : 0;
    this.fails = good ? 0 : this.fails + 1;
    if (counts) this.set(result, now);
  }

  /** Whether this result would count if it were the next one. */
  counts(result: NormalizedResult): boolean {
    const { result: previous, isRestarted, passes, fails, rise, fall } = this;
    const good = isGood(result);
    if (previous === undefined || isRestarted || isGood(previous) === good) return true;
    return good ? passes + 1 >= rise : fails + 1 >= fall;
  }

  /**
   * Must be called when the check is replaced. The next result then counts immediately, and the previous one stays
   * until then.
   */
  restart(): void {
    this.isRestarted = true;
    this.passes = 0;
    this.fails = 0;
  }

  /** Removes the result, because it is too old to count. */
  expire(now: number): void {
    this.set(undefined, now);
  }

  private set(result: NormalizedResult | undefined, now: number): void {
    const before = this.state;
    this.result = result;
    if (this.state !== before) this.since = now;
  }
}

function isGood({ status }: NormalizedResult): boolean {
  return isHealthy(status);
}
