/**
 * How many frames a second a peer may send: a bucket that holds one second's
 * worth. While the server itself has paused reading it fills without a cap,
 * because what piled up meanwhile is no flood (SPEC "Limits").
 */
export class RateBucket {
  private tokens: number;
  private filledAt: number;

  constructor(
    readonly perSecond: number,
    now: number,
  ) {
    this.tokens = perSecond;
    this.filledAt = now;
  }

  /** A bucket for this rate: `before` where that is one; undefined where the rate is 0, which is unlimited. */
  static of(perSecond: number, now: number, before?: RateBucket): RateBucket | undefined {
    if (perSecond === before?.perSecond) return before;
    return perSecond > 0 ? new RateBucket(perSecond, now) : undefined;
  }

  /** Whole frames that may come at `now`. */
  available(now: number): number {
    const { perSecond } = this;
    if (this.tokens < perSecond) {
      this.tokens = Math.min(perSecond, this.tokens + ((now - this.filledAt) * perSecond) / 1000);
    }
    this.filledAt = now;
    return Math.floor(this.tokens);
  }

  take(frames: number): void {
    this.tokens -= frames;
  }

  /** Credits `ms` milliseconds in which the server did not read. */
  credit(ms: number, now: number): void {
    this.available(now - ms);
    this.tokens += (ms * this.perSecond) / 1000;
    this.filledAt = now;
  }
}
