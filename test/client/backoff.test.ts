import { describe, expect, it } from '@jest/globals';
import { backoff } from '../../src/client/link/backoff.js';

describe('the delay before a retry', () => {
  it('doubles, up to its maximum', () => {
    const longest = [1, 2, 3, 4, 10, 1000].map((failures) => backoff(failures, { initial: 100, max: 5000 }, () => 1));
    expect(longest).toEqual([100, 200, 400, 800, 5000, 5000]);
  });

  it('is a random part of that, so that clients do not reconnect simultaneously', () => {
    expect([0, 0.25, 0.5].map((part) => backoff(2, { initial: 100 }, () => part))).toEqual([0, 50, 100]);
  });
});
