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

  it('delays an address if its server requested it, by slightly more than that, and tries another one immediately', () => {
    const list = listOf(2);
    list.delay(0, 4000, 0);
    expect(list.remainingDelay(0, 0)).toBe(4050);
    expect([list.next(0), list.index]).toEqual([0, 1]);
    expect([list.next(0), list.index]).toEqual([100, 1]);
    expect(list.remainingDelay(0, 4050)).toBe(0);
  });

  it('returns to a delayed address at its time, regardless of the backoff of the others', () => {
    const list = new AddressList({
      count: 2,
      failback: true,
      backoff: { initial: 8000, max: 8000 },
      random: () => 0.5,
    });
    list.delay(0, 1000, 0);
    expect([list.next(0), list.index]).toEqual([0, 1]);
    // The backoff is 4 s, so the address may be used again at 1 s + 4 s.
    expect([list.next(4000), list.index]).toEqual([1000, 0]);
  });

  it('delays longer with each GOAWAY until a connection is stable', () => {
    const list = listOf(1);
    const delays = Array.from({ length: 6 }, () => {
      list.delay(0, 0, 0);
      return list.remainingDelay(0, 0);
    });
    expect(delays).toEqual([50, 100, 200, 400, 500, 500]);
    list.markStable();
    list.delay(0, 0, 0);
    expect(list.remainingDelay(0, 0)).toBe(50);
  });

  it('limits the delay that a server can request to an hour', () => {
    const list = listOf(1);
    list.delay(0, 2 ** 31 - 1, 0);
    expect(list.remainingDelay(0, 0)).toBe(3_600_050);
    expect(list.next(0)).toBe(3_600_050);
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
