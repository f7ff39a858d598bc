import type { NormalizedResult } from '../result.js';
import type { CheckState } from '../state.js';

/**
 * What is previous of a check: the result that counts, once `rise` good ones or
 * `fall` bad ones came in a row. The first counts at once, also after a time
 * of knowing nothing. Pass and warn are good, fail and unknown are bad; within
 * the same side a new result counts at once.
 */
export class Hysteresis {
  /** The result that counts; undefined while nothing is known. */
  result: NormalizedResult | undefined;
  /** Monotonic moment since when the state is what it is. */
  since: number;
  /** Good findings in a row. */
  passes = 0;
  /** Bad findings in a row. */
  fails = 0;

  private isRestarted = false;

  constructor(
    /** Good findings in a row, and bad ones, that count; they may change, and hold from the next result on. */
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
    const isFirst = this.result === undefined || this.isRestarted;
    this.isRestarted = false;
    this.passes = good ? this.passes + 1 : 0;
    this.fails = good ? 0 : this.fails + 1;
    const previous = this.result;
    const isSameSide = previous !== undefined && isGood(previous) === good;
    const counts = isFirst || isSameSide || (good ? this.passes >= this.rise : this.fails >= this.fall);
    if (counts) this.set(result, now);
  }

  /** The next result is the first of another check: it counts at once, and what is previous stands until then. */
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
  return status === 'pass' || status === 'warn';
}
