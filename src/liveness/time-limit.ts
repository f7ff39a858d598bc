/** Longest stall of the event loop that resets no time limit, in milliseconds. */
const STALL_TOLERANCE_MS = 5000;

/**
 * How long a state may last before a connection is closed for it: silence, a partial frame, a write without progress
 * (SPEC "Failure detection").
 *
 * A stall of this process's event loop says nothing about a peer: after a stall longer than min(5 s, half the limit) no
 * connection is closed before a whole limit has passed again.
 */
export class TimeLimit {
  private resetAt = Number.NEGATIVE_INFINITY;

  /** Milliseconds; 0 = no limit. */
  constructor(public ms: number) {}

  /** Changes the limit and, if that is a change, restarts it. */
  change(ms: number, now: number): void {
    if (ms !== this.ms) this.restart(now);
    this.ms = ms;
  }

  /** Measures all states from `now` at the earliest. */
  restart(now: number): void {
    this.resetAt = now;
  }

  /** Whether a state that began at `since` has reached the limit at `now` (both monotonic milliseconds). */
  exceeded(since: number, now: number): boolean {
    return this.ms > 0 && now - Math.max(since, this.resetAt) >= this.ms;
  }

  /** When a state that began at `since` reaches the limit; Infinity without a limit. */
  endsAt(since: number): number {
    return this.ms > 0 ? Math.max(since, this.resetAt) + this.ms : Number.POSITIVE_INFINITY;
  }

  /** Longest stall of the event loop that does not restart this limit, in milliseconds. */
  get stallTolerance(): number {
    return stallTolerance(this.ms);
  }

  /** The event loop was blocked for `lag` milliseconds until `now`: restarts if that is too long; returns whether it was. */
  onStall(lag: number, now: number): boolean {
    if (lag <= this.stallTolerance) return false;
    this.restart(now);
    return true;
  }
}

/** Longest stall of the event loop that is ignored for a limit of `ms` milliseconds. */
export function stallTolerance(ms: number): number {
  return Math.min(STALL_TOLERANCE_MS, ms / 2);
}
