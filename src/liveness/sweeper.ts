import type { Clock, Timer } from '../common/clock.js';
import type { TimeLimit } from './time-limit.js';

/** Something that is closed when it breaks one of its limits. */
export interface Sweepable {
  /** Where its sweeper keeps it; nobody else sets it. */
  slot: number;
  /**
   * Does what is due at `now`; `lag`: how long the own loop stood still before it, in milliseconds. Returns the
   * monotonic moment before which nothing can be due again, unless `Sweeper.wake` is called. Who has nothing to do
   * is looked at in each sweep.
   */
  tend?(now: number, lag: number): number;
  /** Looks whether a limit is broken at `now`; changes nothing that a peer could see. */
  overdue(now: number): boolean;
  /** Closes it: it was overdue at two looks, with a poll of the loop between them. */
  convict(now: number): void;
}

const LONGEST_PERIOD = 100;
const SHORTEST_PERIOD = 5;
/** So many are looked at in a row, which may send a PING to each; then the loop does other work. */
const SLICE = 64;

/**
 * One timer for all connections. A timer's callback runs before the poll that
 * would read octets which have already arrived, so nobody is convicted in it:
 * suspects are looked at once more after the poll (SPEC "Failure detection").
 */
export class Sweeper<Member extends Sweepable = Sweepable> {
  /** The oldest first. */
  readonly members = new Set<Member>();
  private readonly slots: Member[] = [];
  /** By slot, the moment before which there is nothing to look for: most are idle, and to visit one costs a hundred times its number. */
  private lookAt = new Float64Array(64);
  /** Milliseconds between two sweeps, see `arm`. */
  private period = LONGEST_PERIOD;
  private readonly limits: TimeLimit[] = [];
  private timer: Timer | undefined;
  private expectedAt = 0;
  /** How long the loop was away at most between two slices of the last sweep, in milliseconds. */
  private stall = 0;

  constructor(
    private readonly clock: Clock,
    /** Runs its argument after one poll of the loop. */
    private readonly afterPoll: (look: () => void) => void = setImmediate,
  ) {}

  /** Takes this limit into account too, which may change. */
  watch(limit: TimeLimit): void {
    this.limits.push(limit);
  }

  add(member: Member): void {
    this.members.add(member);
    member.slot = this.slots.push(member) - 1;
    if (member.slot === this.lookAt.length) this.grow();
    this.lookAt[member.slot] = 0;
    if (this.timer === undefined) this.arm();
  }

  delete(member: Member): void {
    if (!this.members.delete(member)) return;
    const last = this.slots.pop() as Member;
    if (last !== member) {
      this.slots[member.slot] = last;
      this.lookAt[member.slot] = this.lookAt[last.slot] as number;
      last.slot = member.slot;
    }
    member.slot = -1;
  }

  /** Something of this member may be due sooner than it said: it is looked at in the next sweep. */
  wake(member: Member): void {
    if (member.slot >= 0) this.lookAt[member.slot] = 0;
  }

  /** The same of everyone. */
  wakeAll(): void {
    this.lookAt.fill(0);
  }

  private grow(): void {
    const more = new Float64Array(this.lookAt.length * 2);
    more.set(this.lookAt);
    this.lookAt = more;
  }

  /** A tenth of the shortest limit, at most 100 ms. */
  private arm(): void {
    let shortest = Number.POSITIVE_INFINITY;
    for (const { ms } of this.limits) if (ms > 0 && ms < shortest) shortest = ms;
    this.period = Math.max(SHORTEST_PERIOD, Math.min(LONGEST_PERIOD, shortest / 10));
    this.expectedAt = this.clock.now() + this.period;
    this.timer = this.clock.after(this.period, this.sweep);
  }

  private readonly sweep = (): void => {
    const now = this.clock.now();
    const lag = Math.max(now - this.expectedAt, this.stall);
    this.stall = 0;
    for (const limit of this.limits) limit.stalled(lag, now);
    // After a stall everyone is to know of it, whatever they wait for.
    if (lag > this.period) this.wakeAll();
    this.lookBelow(this.slots.length, now, lag);
  };

  /**
   * Looks at the members from the last slot to the first, so that whoever takes the place of one that leaves has been
   * looked at. Time is that of the sweep's beginning in all slices: a stall between two of them accuses nobody.
   */
  private lookBelow(end: number, now: number, lag: number): void {
    const suspects: Member[] = [];
    let slot = Math.min(end, this.slots.length);
    let looks = 0;
    while (slot > 0 && looks < SLICE) {
      slot--;
      if (now < (this.lookAt[slot] as number)) continue;
      looks++;
      const member = this.slots[slot] as Member;
      this.lookAt[slot] = member.tend?.(now, lag) ?? 0;
      if (member.overdue(now)) suspects.push(member);
    }
    if (suspects.length > 0) this.afterPoll(() => this.judge(suspects));
    if (slot > 0) return this.pause(() => this.lookBelow(slot, now, lag));
    this.timer = undefined;
    if (this.members.size > 0) this.arm();
  }

  private pause(next: () => void): void {
    const since = this.clock.now();
    this.afterPoll(() => {
      this.stall = Math.max(this.stall, this.clock.now() - since);
      next();
    });
  }

  private judge(suspects: readonly Member[]): void {
    const now = this.clock.now();
    for (const suspect of suspects) {
      if (this.members.has(suspect) && suspect.overdue(now)) suspect.convict(now);
    }
  }
}
