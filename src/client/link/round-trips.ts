/** Heartbeat round-trip times of one connection, in milliseconds. With scope readiness, they include the time of check runs. */
export interface RoundTripTimes {
  readonly count: number;
  readonly last: number;
  /** Smoothed as in TCP (RFC 6298): 7/8 of the previous value, 1/8 of the new one. */
  readonly smoothed: number;
  readonly min: number;
  readonly max: number;
  /** Standard deviation, as printed by ping(8). */
  readonly mdev: number;
}

/** Accumulates round-trip times in constant memory. */
export class RoundTripSum {
  #count = 0;
  #last = 0;
  #smoothed = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = 0;
  #mean = 0;
  /** Sum of squared deviations from the mean (Welford), which stays numerically stable over years of heartbeats. */
  #squares = 0;

  observe(rtt: number): void {
    this.#count++;
    this.#last = rtt;
    this.#smoothed = this.#count === 1 ? rtt : this.#smoothed * 0.875 + rtt * 0.125;
    this.#min = Math.min(this.#min, rtt);
    this.#max = Math.max(this.#max, rtt);
    const distance = rtt - this.#mean;
    this.#mean += distance / this.#count;
    this.#squares += distance * (rtt - this.#mean);
  }

  /** Undefined before the first round trip. */
  get times(): RoundTripTimes | undefined {
    if (this.#count === 0) return undefined;
    return {
      count: this.#count,
      last: this.#last,
      smoothed: this.#smoothed,
      min: this.#min,
      max: this.#max,
      mdev: Math.sqrt(this.#squares / this.#count),
    };
  }
}
