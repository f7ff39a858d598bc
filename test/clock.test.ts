import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { systemClock } from '../src/common/clock.js';

const DAY = 86_400_000;

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

function fired(ms: number) {
  const calls: number[] = [];
  const begun = Date.now();
  const timer = systemClock.after(ms, () => calls.push(Date.now() - begun));
  return { calls, timer };
}

describe('the clock of the process', () => {
  it.each([2 ** 31 - 1, 2 ** 31, 2 ** 32 + 5, 60 * DAY, 400 * DAY])('fires once, after %d ms', (ms) => {
    const { calls } = fired(ms);
    jest.advanceTimersByTime(ms - 1);
    expect(calls).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(calls).toEqual([ms]);
    jest.advanceTimersByTime(100 * DAY);
    expect(calls).toEqual([ms]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('never fires after Infinity', () => {
    const { calls, timer } = fired(Number.POSITIVE_INFINITY);
    jest.advanceTimersByTime(1000 * DAY);
    expect(calls).toEqual([]);
    systemClock.clear(timer);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('clears a long timer in each of its parts', () => {
    const { calls, timer } = fired(60 * DAY);
    jest.advanceTimersByTime(30 * DAY);
    systemClock.clear(timer);
    systemClock.clear(timer);
    expect(jest.getTimerCount()).toBe(0);
    jest.advanceTimersByTime(60 * DAY);
    expect(calls).toEqual([]);
  });
});
