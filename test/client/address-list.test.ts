import { describe, expect, it } from '@jest/globals';
import { AddressList } from '../../src/client/link/addresses.js';

const listOf = (count: number, failback = true) =>
  new AddressList({ count, failback, backoff: { initial: 100, max: 1000 }, random: () => 0.5 });

describe('a list of addresses', () => {
  it('tries each other address immediately, then all again with a delay that doubles', () => {
    const list = listOf(3);
    const tries = Array.from({ length: 7 }, () => [list.next(0), list.index]);
    expect(tries).toEqual([
      [0, 1],
      [0, 2],
      [50, 0],
      [0, 1],
      [0, 2],
      [100, 0],
      [0, 1],
    ]);
  });

  it('continues after the address that failed if none is preferred', () => {
    const list = listOf(3, false);
    list.index = 1;
    expect([list.next(0), list.index]).toEqual([0, 2]);
    expect([list.next(0), list.index]).toEqual([0, 0]);
  });

  it('starts again from the first delay after a stable connection', () => {
    const list = listOf(1);
    expect([list.next(0), list.next(0), list.next(0)]).toEqual([50, 100, 200]);
    list.markStable();
    expect(list.next(0)).toBe(50);
  });

  it('delays an address whose server requested it, with a jitter, and tries another immediately', () => {
    const list = listOf(2);
    list.delay(0, 4000, 0);
    expect(list.remainingDelay(0, 0)).toBe(4500);
    expect([list.next(0), list.index]).toEqual([0, 1]);
    expect([list.next(0), list.index]).toEqual([50, 1]);
    expect(list.remainingDelay(0, 4500)).toBe(0);
  });

  it('limits the delay that a server can request', () => {
    const list = listOf(1);
    list.delay(0, 1e12, 0);
    expect(list.remainingDelay(0, 0)).toBeGreaterThanOrEqual(3_600_000);
    expect(list.remainingDelay(0, 0)).toBeLessThanOrEqual(3_600_000 * 1.25);
    expect(list.next(0)).toBeLessThanOrEqual(3_600_000 * 1.25);
  });

  it('returns all others during a failover, otherwise only the preferred ones', () => {
    const list = listOf(3);
    list.index = 1;
    expect(list.alternatives(true)).toEqual([0, 2]);
    expect(list.alternatives(false)).toEqual([0]);
    const equal = listOf(3, false);
    equal.index = 1;
    expect(equal.alternatives(true)).toEqual([2, 0]);
    expect(equal.alternatives(false)).toEqual([]);
  });
});
