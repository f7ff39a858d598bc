/** A loop that stood still for longer than this forgets its suspicions, whatever the limit. */
const STALL_TOLERANCE_MS = 5000;

/**
 * How long something may last before a connection is closed for it: silence, an
 * unfinished frame, a write without progress (SPEC "Failure detection").
 *
 * A stall of the own loop is no evidence against a peer: after one that is
 * longer than min(5 s, half the limit) nobody is convicted until a whole limit
 * has passed again.
 */
export class TimeLimit {
  private resetAt = Number.NEGATIVE_INFINITY;

  /** Milliseconds; 0 = no limit. */
  constructor(public ms: number) {}

  /** Another limit holds from `now` on: what has lasted longer than that already has the whole of it left. */
  change(ms: number, now: number): void {
    if (ms !== this.ms) this.restart(now);
    this.ms = ms;
  }

  /** Counts from `now` at the earliest. */
  restart(now: number): void {
    this.resetAt = now;
  }

  /** Whether what began at `since` has lasted too long at `now` (both monotonic milliseconds). */
  exceeded(since: number, now: number): boolean {
    return this.ms > 0 && now - Math.max(since, this.resetAt) >= this.ms;
  }

  /** When what began at `since` will have lasted too long; never without a limit. */
  endsAt(since: number): number {
    return this.ms > 0 ? Math.max(since, this.resetAt) + this.ms : Number.POSITIVE_INFINITY;
  }

  /** How long the own loop may stand still before that counts, in milliseconds. */
  get stallTolerance(): number {
    return Math.min(STALL_TOLERANCE_MS, this.ms / 2);
  }

  /** Takes notice that the own loop stood still for `lag` milliseconds until `now`; true if that counts. */
  stalled(lag: number, now: number): boolean {
    if (lag <= this.stallTolerance) return false;
    this.resetAt = now;
    return true;
  }
}
