import { describe, expect, it } from '@jest/globals';
import { type Sweepable, Sweeper } from '../../src/liveness/sweeper.js';
import { TimeLimit } from '../../src/liveness/time-limit.js';
import { FakeClock } from '../fake-clock.js';

class Member implements Sweepable {
  slot = -1;
  checks = 0;
  lags: number[] = [];
  terminations: string[] = [];

  /** @param due time before which no check is needed. */
  constructor(
    public due: number,
    private readonly violation = (): string | undefined => undefined,
  ) {}

  onTick(_now: number, lag: number): number {
    this.checks++;
    this.lags.push(lag);
    return this.due;
  }

  expired(): string | undefined {
    return this.violation();
  }

  terminate(violation: string): void {
    this.terminations.push(violation);
  }
}

function sweeping(...members: Member[]): { clock: FakeClock; sweeper: Sweeper<Member>; afterPoll: () => void } {
  const clock = new FakeClock();
  const checks: (() => void)[] = [];
  const sweeper = new Sweeper<Member>(clock, (check) => checks.push(check));
  sweeper.watch(new TimeLimit(1000));
  for (const member of members) sweeper.add(member);
  const afterPoll = () => {
    for (const check of checks.splice(0)) check();
  };
  return { clock, sweeper, afterPoll };
}

describe('a sweep', () => {
  it('skips members until something is due', async () => {
    const [idle, busy] = [new Member(1000), new Member(0)];
    const { clock } = sweeping(idle, busy);
    await clock.advance(950);
    // The idle member had only the first check that each new member has.
    expect([idle.checks, busy.checks]).toEqual([1, 9]);
    await clock.advance(100);
    expect([idle.checks, busy.checks]).toEqual([2, 10]);
  });

  it('checks a woken member, regardless of when its next check was due', async () => {
    const [idle, woken] = [new Member(60_000), new Member(60_000)];
    const { clock, sweeper } = sweeping(idle, woken);
    await clock.advance(100);
    sweeper.wake(woken);
    await clock.advance(200);
    expect([idle.checks, woken.checks]).toEqual([1, 2]);
  });

  it('checks every member and no deleted one while others are added and deleted', async () => {
    const stay = Array.from({ length: 100 }, () => new Member(500));
    const leave = Array.from({ length: 100 }, () => new Member(500));
    const { clock, sweeper, afterPoll } = sweeping(...stay.flatMap((member, n) => [member, leave[n] as Member]));
    const sweeps = async (count: number) => {
      for (; count > 0; count--) {
        await clock.advance(100);
        for (let slice = 0; slice < 10; slice++) afterPoll();
      }
    };
    await sweeps(1);
    for (const member of leave) sweeper.delete(member);
    for (const member of leave) {
      sweeper.delete(member);
      sweeper.wake(member);
    }
    expect([...sweeper.members]).toEqual(stay);
    const late = new Member(60_000);
    sweeper.add(late);
    await sweeps(4);
    expect(new Set(stay.map(({ checks }) => checks))).toEqual(new Set([2]));
    expect(new Set(leave.map(({ checks }) => checks))).toEqual(new Set([1]));
    expect(late.checks).toBe(1);
  });

  it('checks many members in slices, and starts the next sweep only after the last slice', async () => {
    const members = Array.from({ length: 1000 }, () => new Member(60_000));
    const { clock, sweeper, afterPoll } = sweeping(...members);
    const checked = () => members.filter(({ checks }) => checks > 0).length;
    await clock.advance(500);
    const first = checked();
    expect(first).toBeLessThan(1000);
    for (const member of members.slice(0, 10)) sweeper.delete(member);
    let polls = 0;
    while (checked() < 990) {
      const before = checked();
      afterPoll();
      expect(checked() - before).toBeLessThanOrEqual(first);
      polls++;
    }
    expect(polls).toBe(Math.ceil(990 / first) - 1);
    expect(members.filter(({ checks }) => checks > 1)).toEqual([]);
  });

  it('informs each member of a stall, including those with nothing due', async () => {
    const idle = new Member(60_000);
    const { clock } = sweeping(idle);
    await clock.advance(100);
    clock.jump(5000);
    await clock.advance(0);
    expect(idle.checks).toBe(2);
    await clock.advance(1000);
    expect(idle.checks).toBe(2);
  });

  it('informs every member of a stall between two slices, in the next sweep', async () => {
    const members = Array.from({ length: 200 }, () => new Member(60_000));
    const { clock, afterPoll } = sweeping(...members);
    const finish = () => {
      for (let slice = 0; slice < 10; slice++) afterPoll();
    };
    await clock.advance(100);
    clock.jump(5000);
    finish();
    expect(members.filter(({ checks }) => checks !== 1)).toEqual([]);
    await clock.advance(100);
    finish();
    expect(members.filter(({ lags }) => (lags[1] as number) < 5000)).toEqual([]);
    await clock.advance(1000);
    finish();
    expect(members.filter(({ checks }) => checks !== 2)).toEqual([]);
  });

  it('terminates only members that are still expired after the poll, because of the limit that is exceeded then', async () => {
    let isPolled = false;
    const late = new Member(0, () => (isPolled ? undefined : 'idle'));
    const dead = new Member(0, () => (isPolled ? 'dead' : 'idle'));
    const { clock, afterPoll } = sweeping(late, dead);
    await clock.advance(100);
    expect([late.terminations, dead.terminations]).toEqual([[], []]);
    isPolled = true;
    afterPoll();
    expect([late.terminations, dead.terminations]).toEqual([[], ['dead']]);
  });
});
