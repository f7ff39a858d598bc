import type { NormalizedResult } from '../result.js';
import type { CheckState } from '../state.js';

/**
 * What is held of a check: the finding that counts, once `rise` good ones or
 * `fall` bad ones came in a row. The first counts at once, also after a time
 * of knowing nothing. Pass and warn are good, fail and unknown are bad; within
 * the same side a new finding counts at once.
 */
export class Hysteresis {
  /** The finding that counts; undefined while nothing is known. */
  finding: NormalizedResult | undefined;
  /** Monotonic moment since when the state is what it is. */
  since: number;
  /** Good findings in a row. */
  passes = 0;
  /** Bad findings in a row. */
  fails = 0;

  private isRestarted = false;

  constructor(
    /** Good findings in a row, and bad ones, that count; they may change, and hold from the next finding on. */
    public rise: number,
    public fall: number,
    now: number,
  ) {
    this.since = now;
  }

  get state(): CheckState {
    return this.finding?.status ?? 'unknown';
  }

  take(finding: NormalizedResult, now: number): void {
    const good = isGood(finding);
    const isFirst = this.finding === undefined || this.isRestarted;
    this.isRestarted = false;
    this.passes = good ? this.passes + 1 : 0;
    this.fails = good ? 0 : this.fails + 1;
    const held = this.finding;
    const isSameSide = held !== undefined && isGood(held) === good;
    const counts = isFirst || isSameSide || (good ? this.passes >= this.rise : this.fails >= this.fall);
    if (counts) this.hold(finding, now);
  }

  /** The next finding is the first of another check: it counts at once, and what is held stands until then. */
  restart(): void {
    this.isRestarted = true;
    this.passes = 0;
    this.fails = 0;
  }

  /** The finding has become too old to count. */
  forget(now: number): void {
    this.hold(undefined, now);
  }

  private hold(finding: NormalizedResult | undefined, now: number): void {
    const before = this.state;
    this.finding = finding;
    if (this.state !== before) this.since = now;
  }
}

function isGood({ status }: NormalizedResult): boolean {
  return status === 'pass' || status === 'warn';
}
