/**
 * Limits the frames per second of a peer, as a token bucket that holds the tokens of one second. While the server has
 * paused reading it fills beyond that, because the frames that queue up meanwhile are no flood (SPEC "Limits").
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

  /** The bucket for this rate: `before` if the rate is unchanged; undefined for 0, which is unlimited. */
  static of(perSecond: number, now: number, before?: RateBucket): RateBucket | undefined {
    if (perSecond === before?.perSecond) return before;
    return perSecond > 0 ? new RateBucket(perSecond, now) : undefined;
  }

  /** Whole frames that are allowed at `now`. */
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

  /** Adds the tokens of `ms` milliseconds during which the server did not read. */
  credit(ms: number, now: number): void {
    this.available(now - ms);
    this.tokens += (ms * this.perSecond) / 1000;
    this.filledAt = now;
  }
}
