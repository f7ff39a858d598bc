import type { Clock, Timer } from '../clock.js';
import type { Limit } from './limit.js';

/** Something that is closed when it breaks one of its limits. */
export interface Swept {
  /** Monotonic moment before which there is nothing to look for: most are idle, and 10,000 looks cost more than one number each. */
  lookAt: number;
  /** Does what is due at `now`, and sets `lookAt` anew; `lag`: how long the own loop stood still before it, in milliseconds. */
  tend?(now: number, lag: number): void;
  /** Looks whether a limit is broken at `now`; changes nothing that a peer could see. */
  overdue(now: number): boolean;
  /** Closes it: it was overdue at two looks, with a poll of the loop between them. */
  convict(now: number): void;
}

const LONGEST_PERIOD = 100;
const SHORTEST_PERIOD = 5;

/**
 * One timer for all connections. A timer's callback runs before the poll that
 * would read octets which have already arrived, so nobody is convicted in it:
 * suspects are looked at once more after the poll (SPEC "Failure detection").
 */
export class Sweeper<Member extends Swept = Swept> {
  readonly members = new Set<Member>();
  /** Milliseconds between two sweeps: a tenth of the shortest limit, at most 100. */
  private period = LONGEST_PERIOD;
  private readonly limits: Limit[] = [];
  private timer: Timer | undefined;
  private expectedAt = 0;

  constructor(
    private readonly clock: Clock,
    /** Runs its argument after one poll of the loop. */
    private readonly afterPoll: (look: () => void) => void = setImmediate,
  ) {}

  /** Takes this limit into account too. */
  watch(limit: Limit): void {
    this.limits.push(limit);
    if (limit.ms > 0) this.period = Math.max(SHORTEST_PERIOD, Math.min(this.period, limit.ms / 10));
  }

  add(member: Member): void {
    this.members.add(member);
    if (this.timer === undefined) this.arm();
  }

  delete(member: Member): void {
    this.members.delete(member);
  }

  private arm(): void {
    this.expectedAt = this.clock.now() + this.period;
    this.timer = this.clock.after(this.period, this.sweep);
  }

  private readonly sweep = (): void => {
    const now = this.clock.now();
    const lag = now - this.expectedAt;
    for (const limit of this.limits) limit.stalled(lag, now);
    const suspects: Member[] = [];
    // After a stall everyone is to know of it, whatever they wait for.
    const all = lag > this.period;
    for (const member of this.members) {
      if (now < member.lookAt && !all) continue;
      member.tend?.(now, lag);
      if (member.overdue(now)) suspects.push(member);
    }
    if (suspects.length > 0) this.afterPoll(() => this.judge(suspects));
    this.timer = undefined;
    if (this.members.size > 0) this.arm();
  };

  private judge(suspects: readonly Member[]): void {
    const now = this.clock.now();
    for (const suspect of suspects) {
      if (this.members.has(suspect) && suspect.overdue(now)) suspect.convict(now);
    }
  }
}
