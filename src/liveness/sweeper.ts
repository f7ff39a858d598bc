import type { Clock, Timer } from '../common/clock.js';
import type { TimeLimit } from './time-limit.js';

/** Something that is terminated when it exceeds one of its time limits. */
export interface Sweepable {
  /** Index in its sweeper; set by the sweeper only. */
  slot: number;
  /**
   * Does what is due at `now`. `lag`: how long the event loop was blocked before, in milliseconds. Returns the
   * monotonic time before which no further check is needed, unless `Sweeper.wake` is called. A member without `onTick`
   * is checked in each sweep.
   */
  onTick?(now: number, lag: number): number;
  /** The time limit that is exceeded at `now`, if any; has no effect that a peer could observe. */
  expired(now: number): string | undefined;
  /** Closes it for `violation`, which `expired` has just returned after a poll of the event loop. */
  terminate(violation: string): void;
}

const MAX_PERIOD_MS = 100;
const MIN_PERIOD_MS = 5;
/** Members checked per turn of the event loop; each check may send a PING. */
const SLICE = 64;

/**
 * One timer for all connections. A timer's callback runs before the poll that would read data which has already
 * arrived, so no member is terminated in it: expired members are checked again after the poll (SPEC "Failure
 * detection").
 */
export class Sweeper<Member extends Sweepable = Sweepable> {
  /** In order of `add`. */
  readonly members = new Set<Member>();
  private readonly slots: Member[] = [];
  /** Earliest time of the next check, by slot. Most members are idle, and reading this number costs a hundredth of a visit. */
  private nextCheckAt = new Float64Array(64);
  /** Milliseconds between two sweeps, see `arm`. */
  private period = MAX_PERIOD_MS;
  private readonly limits: TimeLimit[] = [];
  private timer: Timer | undefined;
  private expectedAt = 0;
  /** Longest time between two slices of the last sweep, in milliseconds. */
  private stall = 0;

  constructor(
    private readonly clock: Clock,
    /** Calls its argument after one poll of the event loop. */
    private readonly afterPoll: (check: () => void) => void = setImmediate,
  ) {}

  /** Includes this limit, whose value may change, in the choice of the period and in the handling of stalls. */
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

  /** Checks this member in the next sweep, because it may need it earlier than `onTick` returned. */
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

  /** The period is a tenth of the shortest limit, at most 100 ms. */
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
    // Every member is informed of a stall, even if it needs no check yet.
    if (lag > this.period) this.wakeAll();
    this.checkBelow(this.slots.length, now, lag);
  };

  /**
   * Checks the members from the last slot to the first, so that a member which moves to the slot of a deleted one has
   * been checked already. All slices use the time of the sweep's start: a stall between two of them expires no member.
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
