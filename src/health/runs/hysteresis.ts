import type { NormalizedResult } from '../result.js';
import { type CheckState, isHealthy } from '../state.js';

/**
 * Applies `rise` and `fall` to the results of a check: a result counts after `rise` good or `fall` bad ones in a row.
 * The first result, and the first after an expiry, counts at once. Pass and warn are good, fail and unknown are bad; a
 * result on the same side as the previous one counts at once.
 */
export class Hysteresis {
  /** The result that counts; undefined if there is none. */
  result: NormalizedResult | undefined;
  /** Monotonic time of the last change of state. */
  since: number;
  /** Consecutive good results. */
  passes = 0;
  /** Consecutive bad results. */
  fails = 0;

  private isRestarted = false;

  constructor(
    /** Thresholds; changes apply from the next result on. */
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

  /** The check has been replaced: the next result counts at once; until then the previous one stays. */
  restart(): void {
    this.isRestarted = true;
    this.passes = 0;
    this.fails = 0;
  }

  /** The result has become too old to count. */
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
