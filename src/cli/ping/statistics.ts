/** Round-trip times in milliseconds, as ping(8) sums them up. */
export interface RoundTrips {
  min: number;
  avg: number;
  max: number;
  /** The standard deviation. */
  mdev: number;
}

/** What `ping` tells at its end. */
export class PingStatistics {
  sent = 0;
  received = 0;
  /** Answers by status. */
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

  /** Of what was sent, in percent. */
  get loss(): number {
    return this.sent === 0 ? 0 : ((this.sent - this.received) / this.sent) * 100;
  }

  /** undefined: nothing was answered. */
  get roundTrips(): RoundTrips | undefined {
    if (this.received === 0) return undefined;
    const avg = this.#sum / this.received;
    // Rounding can make the difference of the two a hair less than nothing.
    const mdev = Math.sqrt(Math.max(0, this.#squares / this.received - avg * avg));
    return { min: this.#min, avg, max: this.#max, mdev };
  }
}
