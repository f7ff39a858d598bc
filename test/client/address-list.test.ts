import { describe, expect, it } from '@jest/globals';
import { AddressList } from '../../src/client/link/addresses.js';

const listOf = (count: number, failback = true) =>
  new AddressList({ count, failback, backoff: { initial: 100, max: 1000 }, random: () => 0.5 });

describe('a list of addresses', () => {
  it('tries each other one at once, then all again after a time that doubles', () => {
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

  it('goes on behind the one that failed where none is preferred', () => {
    const list = listOf(3, false);
    list.index = 1;
    expect([list.next(0), list.index]).toEqual([0, 2]);
    expect([list.next(0), list.index]).toEqual([0, 0]);
  });

  it('begins anew when a connection has lasted', () => {
    const list = listOf(1);
    expect([list.next(0), list.next(0), list.next(0)]).toEqual([50, 100, 200]);
    list.markStable();
    expect(list.next(0)).toBe(50);
  });

  it('leaves one alone that asked for it, with a jitter, and takes another at once', () => {
    const list = listOf(2);
    list.delay(0, 4000, 0);
    expect(list.remainingDelay(0, 0)).toBe(4500);
    expect([list.next(0), list.index]).toEqual([0, 1]);
    expect([list.next(0), list.index]).toEqual([50, 1]);
    expect(list.remainingDelay(0, 4500)).toBe(0);
  });

  it('is not sent away for ever', () => {
    const list = listOf(1);
    list.delay(0, 1e12, 0);
    expect(list.remainingDelay(0, 0)).toBeLessThanOrEqual(3_600_000 * 1.25 + 100 * 1e10);
    expect(Number.isFinite(list.next(0))).toBe(true);
  });

  it('finds better ones: all others while it leaves, only preferred ones while it is well', () => {
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
