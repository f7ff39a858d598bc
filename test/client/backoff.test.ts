import { describe, expect, it } from '@jest/globals';
import { backoff } from '../../src/client/link/backoff.js';

describe('the wait before a new try', () => {
  it('doubles, up to its most', () => {
    const longest = [1, 2, 3, 4, 10, 1000].map((failures) => backoff(failures, { initial: 100, max: 5000 }, () => 1));
    expect(longest).toEqual([100, 200, 400, 800, 5000, 5000]);
  });

  it('is any part of that, so that clients do not come back in step', () => {
    expect([0, 0.25, 0.5].map((part) => backoff(2, { initial: 100 }, () => part))).toEqual([0, 50, 100]);
  });
});
