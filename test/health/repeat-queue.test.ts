import { describe, expect, it } from '@jest/globals';
import { FakeClock, settle } from '../fake-clock.js';
import { registryOf } from './asking.js';

const blocking = (clock: FakeClock) => async () => {
  await null;
  clock.jump(900);
};

describe('many checks that time out at the same time', () => {
  it('pass when the event loop was blocked by something else', async () => {
    const names = Array.from({ length: 50 }, (_, i) => `check${i}`);
    let isBlocked = true;
    const checks = Object.fromEntries(names.map((name) => [name, async () => !isBlocked || (await null) === null]));
    const { registry, clock } = registryOf(checks);
    registry.start();
    clock.jump(900);
    isBlocked = false;
    await settle();
    await clock.advance(1);
    expect(registry.checks.filter(({ reason }) => reason === 'timeout')).toEqual([]);
  });

  it('fail only if the check itself blocks the loop again', async () => {
    const clock = new FakeClock();
    const { registry } = registryOf({ quick: async () => {}, slow: blocking(clock), other: async () => {} }, { clock });
    registry.start();
    await settle();
    await clock.advance(1);
    await settle();
    expect(registry.checks.map(({ name, reason }) => [name, reason])).toEqual([
      ['quick', undefined],
      ['slow', 'timeout'],
      ['other', undefined],
    ]);
  });
});
