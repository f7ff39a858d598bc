/** The round-trip times of one connection's heartbeat, in milliseconds. A readiness PING contains the time that the checks took. */
export interface RoundTripTimes {
  readonly count: number;
  readonly last: number;
  /** Smoothed as TCP does it (RFC 6298): seven eighths of what was, one of what is new. */
  readonly smoothed: number;
  readonly min: number;
  readonly max: number;
  /** The standard deviation of all, as ping(8) tells it. */
  readonly mdev: number;
}

/** Sums round-trip times up as they come, in constant memory. */
export class RoundTripSum {
  #count = 0;
  #last = 0;
  #smoothed = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = 0;
  #mean = 0;
  /** Of the distances from the mean, squared: Welford's way, which years of heartbeats do not wear out. */
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

  /** undefined before the first. */
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
