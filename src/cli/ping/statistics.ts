/** Round-trip times in milliseconds, as in ping(8). */
export interface RoundTrips {
  min: number;
  avg: number;
  max: number;
  /** Standard deviation. */
  mdev: number;
}

/** The statistics that `ping` prints when it ends. */
export class PingStatistics {
  sent = 0;
  received = 0;
  /** Number of PONGs by status. */
  readonly statuses = new Map<string, number>();
  #min = Number.POSITIVE_INFINITY;
  #max = 0;
  #sum = 0;
  #squares = 0;

  answered(status: string, rtt: number): void {
    this.sent++;
    this.received++;
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    this.#min = Math.min(this.#min, rtt);
    this.#max = Math.max(this.#max, rtt);
    this.#sum += rtt;
    this.#squares += rtt * rtt;
  }

  unanswered(): void {
    this.sent++;
  }

  /** Percentage of PINGs without a PONG. */
  get loss(): number {
    return this.sent === 0 ? 0 : ((this.sent - this.received) / this.sent) * 100;
  }

  /** Undefined before the first PONG. */
  get roundTrips(): RoundTrips | undefined {
    if (this.received === 0) return undefined;
    const avg = this.#sum / this.received;
    // Rounding errors can make the difference slightly negative.
    const mdev = Math.sqrt(Math.max(0, this.#squares / this.received - avg * avg));
    return { min: this.#min, avg, max: this.#max, mdev };
  }
}
