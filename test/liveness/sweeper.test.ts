import { describe, expect, it } from '@jest/globals';
import { type Sweepable, Sweeper } from '../../src/liveness/sweeper.js';
import { TimeLimit } from '../../src/liveness/time-limit.js';
import { FakeClock } from '../fake-clock.js';

class Member implements Sweepable {
  slot = -1;
  looks = 0;
  lags: number[] = [];
  convicted = 0;

  /** `due`: before which there is nothing to look for. */
  constructor(
    public due: number,
    private readonly guilty = () => false,
  ) {}

  tend(_now: number, lag: number): number {
    this.looks++;
    this.lags.push(lag);
    return this.due;
  }

  overdue(): boolean {
    return this.guilty();
  }

  convict(): void {
    this.convicted++;
  }
}

function sweeping(...members: Member[]): { clock: FakeClock; sweeper: Sweeper<Member>; afterPoll: () => void } {
  const clock = new FakeClock();
  const looks: (() => void)[] = [];
  const sweeper = new Sweeper<Member>(clock, (look) => looks.push(look));
  sweeper.watch(new TimeLimit(1000));
  for (const member of members) sweeper.add(member);
  const afterPoll = () => {
    for (const look of looks.splice(0)) look();
  };
  return { clock, sweeper, afterPoll };
}

describe('a sweep', () => {
  it('passes by whoever has nothing due, until it has', async () => {
    const [idle, busy] = [new Member(1000), new Member(0)];
    const { clock } = sweeping(idle, busy);
    await clock.advance(950);
    // The first look, which every newcomer gets, and no other.
    expect([idle.looks, busy.looks]).toEqual([1, 9]);
    await clock.advance(100);
    expect([idle.looks, busy.looks]).toEqual([2, 10]);
  });

  it('looks at whoever is woken, however late it said that something would be due', async () => {
    const [idle, woken] = [new Member(60_000), new Member(60_000)];
    const { clock, sweeper } = sweeping(idle, woken);
    await clock.advance(100);
    sweeper.wake(woken);
    await clock.advance(200);
    expect([idle.looks, woken.looks]).toEqual([1, 2]);
  });

  it('passes nobody by and visits nobody who has left, whoever else comes and goes', async () => {
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
    expect(new Set(stay.map(({ looks }) => looks))).toEqual(new Set([2]));
    expect(new Set(leave.map(({ looks }) => looks))).toEqual(new Set([1]));
    expect(late.looks).toBe(1);
  });

  it('lets the loop do other work before it has looked at very many, and begins anew only when it has', async () => {
    const members = Array.from({ length: 1000 }, () => new Member(60_000));
    const { clock, sweeper, afterPoll } = sweeping(...members);
    const looked = () => members.filter(({ looks }) => looks > 0).length;
    await clock.advance(500);
    const first = looked();
    expect(first).toBeLessThan(1000);
    for (const member of members.slice(0, 10)) sweeper.delete(member);
    let polls = 0;
    while (looked() < 990) {
      const before = looked();
      afterPoll();
      expect(looked() - before).toBeLessThanOrEqual(first);
      polls++;
    }
    expect(polls).toBe(Math.ceil(990 / first) - 1);
    expect(members.filter(({ looks }) => looks > 1)).toEqual([]);
  });

  it('tells everyone after a stall, whatever they wait for', async () => {
    const idle = new Member(60_000);
    const { clock } = sweeping(idle);
    await clock.advance(100);
    clock.jump(5000);
    await clock.advance(0);
    expect(idle.looks).toBe(2);
    await clock.advance(1000);
    expect(idle.looks).toBe(2);
  });

  it('tells everyone of a stall that came between two of its slices, in the sweep after', async () => {
    const members = Array.from({ length: 200 }, () => new Member(60_000));
    const { clock, afterPoll } = sweeping(...members);
    const finish = () => {
      for (let slice = 0; slice < 10; slice++) afterPoll();
    };
    await clock.advance(100);
    clock.jump(5000);
    finish();
    expect(members.filter(({ looks }) => looks !== 1)).toEqual([]);
    await clock.advance(100);
    finish();
    expect(members.filter(({ lags }) => (lags[1] as number) < 5000)).toEqual([]);
    await clock.advance(1000);
    finish();
    expect(members.filter(({ looks }) => looks !== 2)).toEqual([]);
  });

  it('convicts only whoever is guilty at a second look, after the poll', async () => {
    let heard = false;
    const [late, dead] = [new Member(0, () => !heard), new Member(0, () => true)];
    const { clock, afterPoll } = sweeping(late, dead);
    await clock.advance(100);
    expect([late.convicted, dead.convicted]).toEqual([0, 0]);
    heard = true;
    afterPoll();
    expect([late.convicted, dead.convicted]).toEqual([0, 1]);
  });
});
