import type { Clock, Timer } from '../common/clock.js';
import type { TimeLimit } from './time-limit.js';

/** A member of a sweeper, which is terminated when it exceeds one of its time limits. */
export interface Sweepable {
  /** Index in the sweeper. Only the sweeper sets it. */
  slot: number;
  /**
   * Performs the work that is due at `now`. `lag` is the preceding event loop stall, in milliseconds. Returns the
   * monotonic time before which no further check is needed, unless `Sweeper.wake` is called. A member without `onTick`
   * is checked in every sweep.
   */
  onTick?(now: number, lag: number): number;
  /** Returns the time limit that is exceeded at `now`, if any. Must have no effect that a peer could observe. */
  expired(now: number): string | undefined;
  /**
   * Closes the member because of `violation`, the value that `expired` returned after the latest poll of the event
   * loop.
   */
  terminate(violation: string): void;
}

const MAX_PERIOD_MS = 100;
const MIN_PERIOD_MS = 5;
/** Maximum number of members checked per turn of the event loop. Each check may send a PING. */
const SLICE = 64;

/**
 * Checks all connections with one timer. A timer callback runs before the poll that would read data which has already
 * arrived, so no member is terminated in the callback: expired members are checked again after the poll (SPEC "Failure
 * detection").
 */
export class Sweeper<Member extends Sweepable = Sweepable> {
  /** The members in insertion order. */
  readonly members = new Set<Member>();
  private readonly slots: Member[] = [];
  /**
   * Earliest time of the next check, by slot. Most members are idle, and reading this number costs a hundredth of a
   * call to `onTick`.
   */
  private nextCheckAt = new Float64Array(64);
  /** Milliseconds between two sweeps; see `arm`. */
  private period = MAX_PERIOD_MS;
  private readonly limits: TimeLimit[] = [];
  private timer: Timer | undefined;
  private expectedAt = 0;
  /** Longest pause between two slices of the last sweep, in milliseconds. */
  private stall = 0;

  constructor(
    private readonly clock: Clock,
    /** Calls `check` after one poll of the event loop. */
    private readonly afterPoll: (check: () => void) => void = setImmediate,
  ) {}

  /** Takes this limit into account for the sweep period and for stalls. The value of the limit may change later. */
  watch(limit: TimeLimit): void {
    this.limits.push(limit);
  }

  add(member: Member): void {
    this.members.add(member);
    member.slot = this.slots.push(member) - 1;
    if (member.slot === this.nextCheckAt.length) this.grow();
    this.nextCheckAt[member.slot] = 0;
    if (this.timer === undefined) this.arm();
  }

  delete(member: Member): void {
    if (!this.members.delete(member)) return;
    const last = this.slots.pop() as Member;
    if (last !== member) {
      this.slots[member.slot] = last;
      this.nextCheckAt[member.slot] = this.nextCheckAt[last.slot] as number;
      last.slot = member.slot;
    }
    member.slot = -1;
  }

  /** Checks this member in the next sweep, even if that is earlier than the time that `onTick` returned. */
  wake(member: Member): void {
    if (member.slot >= 0) this.nextCheckAt[member.slot] = 0;
  }

  /** Checks all members in the next sweep. */
  wakeAll(): void {
    this.nextCheckAt.fill(0);
  }

  private grow(): void {
    const larger = new Float64Array(this.nextCheckAt.length * 2);
    larger.set(this.nextCheckAt);
    this.nextCheckAt = larger;
  }

  /** Starts the timer. The period is a tenth of the shortest limit, but at most `MAX_PERIOD_MS`. */
  private arm(): void {
    let shortest = Number.POSITIVE_INFINITY;
    for (const { ms } of this.limits) if (ms > 0 && ms < shortest) shortest = ms;
    this.period = Math.max(MIN_PERIOD_MS, Math.min(MAX_PERIOD_MS, shortest / 10));
    this.expectedAt = this.clock.now() + this.period;
    this.timer = this.clock.after(this.period, this.sweep);
  }

  private readonly sweep = (): void => {
    const now = this.clock.now();
    const lag = Math.max(now - this.expectedAt, this.stall);
    this.stall = 0;
    for (const limit of this.limits) limit.onStall(lag, now);
    // Every member must be notified of a stall, even one that is not due yet.
    if (lag > this.period) this.wakeAll();
    this.checkBelow(this.slots.length, now, lag);
  };

  /**
   * Checks the members from the last slot to the first, so that a member which moves into the slot of a deleted one has
   * already been checked. All slices use the start time of the sweep, so a stall between two slices expires no member.
   */
  private checkBelow(end: number, now: number, lag: number): void {
    const suspects: Member[] = [];
    let slot = Math.min(end, this.slots.length);
    let checks = 0;
    while (slot > 0 && checks < SLICE) {
      slot--;
      if (now < (this.nextCheckAt[slot] as number)) continue;
      checks++;
      const member = this.slots[slot] as Member;
      this.nextCheckAt[slot] = member.onTick?.(now, lag) ?? 0;
      if (member.expired(now) !== undefined) suspects.push(member);
    }
    if (suspects.length > 0) this.afterPoll(() => this.recheck(suspects));
    if (slot > 0) return this.pause(() => this.checkBelow(slot, now, lag));
    this.timer = undefined;
    if (this.members.size > 0) this.arm();
  }

  private pause(next: () => void): void {
    const pausedAt = this.clock.now();
    this.afterPoll(() => {
      this.stall = Math.max(this.stall, this.clock.now() - pausedAt);
      next();
    });
  }

  private recheck(suspects: readonly Member[]): void {
    const now = this.clock.now();
    for (const suspect of suspects) {
      const violation = this.members.has(suspect) ? suspect.expired(now) : undefined;
      if (violation !== undefined) suspect.terminate(violation);
    }
  }
}
