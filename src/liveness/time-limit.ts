/** Longest event loop stall, in milliseconds, that a time limit tolerates without a restart. */
const STALL_TOLERANCE_MS = 5000;

/**
 * How long a state may last before the connection is closed: silence, a partial frame, a write without progress (SPEC
 * "Failure detection").
 *
 * A stall of this process's event loop says nothing about a peer. After a stall longer than min(5 s, half the limit),
 * no connection is closed until another whole limit has passed.
 */
export class TimeLimit {
  private resetAt = Number.NEGATIVE_INFINITY;

  /** Milliseconds; 0 = no limit. */
  constructor(public ms: number) {}

  /** Changes the limit. Restarts it if the value is different. */
  change(ms: number, now: number): void {
    if (ms !== this.ms) this.restart(now);
    this.ms = ms;
  }

  /** Ignores all time before `now`. */
  restart(now: number): void {
    this.resetAt = now;
  }

  /** Whether a state that began at `since` has reached the limit at `now`, both in monotonic milliseconds. */
  exceeded(since: number, now: number): boolean {
    return this.ms > 0 && now - Math.max(since, this.resetAt) >= this.ms;
  }

  /** Time at which a state that began at `since` reaches the limit; Infinity without a limit. */
  endsAt(since: number): number {
    return this.ms > 0 ? Math.max(since, this.resetAt) + this.ms : Number.POSITIVE_INFINITY;
  }

  /** Maximum event loop stall that does not restart this limit, in milliseconds. */
  get stallTolerance(): number {
    return stallTolerance(this.ms);
  }

  /**
   * Reports that the event loop was blocked for `lag` milliseconds until `now`. Restarts the limit if that exceeds the
   * tolerance, and returns whether it did.
   */
  onStall(lag: number, now: number): boolean {
    if (lag <= this.stallTolerance) return false;
    this.restart(now);
    return true;
  }
}

/** Maximum event loop stall that a limit of `ms` milliseconds tolerates, in milliseconds. */
export function stallTolerance(ms: number): number {
  return Math.min(STALL_TOLERANCE_MS, ms / 2);
}
