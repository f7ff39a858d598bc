/**
 * Limits the frames per second of a peer with a token bucket that holds one second's worth of tokens. While the server
 * has paused reading, the bucket fills beyond that capacity, because frames that queue up during the pause are not a
 * flood (SPEC "Limits").
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

  /** Returns a bucket for this rate: `before` if the rate is unchanged, or undefined for 0, which means unlimited. */
  static of(perSecond: number, now: number, before?: RateBucket): RateBucket | undefined {
    if (perSecond === before?.perSecond) return before;
    return perSecond > 0 ? new RateBucket(perSecond, now) : undefined;
  }

  /** Number of whole frames that are allowed at `now`. */
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

  /** Adds the tokens for `ms` milliseconds during which the server did not read. */
  credit(ms: number, now: number): void {
    this.available(now - ms);
    this.tokens += (ms * this.perSecond) / 1000;
    this.filledAt = now;
  }
}
