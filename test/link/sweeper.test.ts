import { describe, expect, it } from '@jest/globals';
import { Limit } from '../../src/link/limit.js';
import { Sweeper, type Swept } from '../../src/link/sweeper.js';
import { FakeClock } from '../fake-clock.js';

class Member implements Swept {
  looks = 0;
  convicted = 0;

  constructor(
    public lookAt: number,
    private readonly guilty = () => false,
  ) {}

  tend(): void {
    this.looks++;
  }

  overdue(): boolean {
    return this.guilty();
  }

  convict(): void {
    this.convicted++;
  }
}

function sweeping(...members: Member[]): { clock: FakeClock; afterPoll: () => void } {
  const clock = new FakeClock();
  let look = () => {};
  const sweeper = new Sweeper<Member>(clock, (judge) => {
    look = judge;
  });
  sweeper.watch(new Limit(1000));
  for (const member of members) sweeper.add(member);
  return { clock, afterPoll: () => look() };
}

describe('a sweep', () => {
  it('passes by whoever has nothing due, until it has', async () => {
    const [idle, busy] = [new Member(1000), new Member(0)];
    const { clock } = sweeping(idle, busy);
    await clock.advance(950);
    expect([idle.looks, busy.looks]).toEqual([0, 9]);
    await clock.advance(100);
    expect([idle.looks, busy.looks]).toEqual([1, 10]);
  });

  it('tells everyone after a stall, whatever they wait for', async () => {
    const idle = new Member(60_000);
    const { clock } = sweeping(idle);
    clock.jump(5000);
    await clock.advance(0);
    expect(idle.looks).toBe(1);
    await clock.advance(1000);
    expect(idle.looks).toBe(1);
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
