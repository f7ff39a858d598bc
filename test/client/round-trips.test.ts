import { describe, expect, it } from '@jest/globals';
import { RoundTripSum } from '../../src/client/link/round-trips.js';

describe('round-trip times', () => {
  it('are undefined before the first one', () => {
    expect(new RoundTripSum().times).toBeUndefined();
  });

  it('are summarized as in ping(8) and TCP', () => {
    const sum = new RoundTripSum();
    for (const rtt of [2, 4, 4, 4, 5, 5, 7, 9]) sum.observe(rtt);
    expect(sum.times).toMatchObject({ count: 8, last: 9, min: 2, max: 9 });
    expect(sum.times?.mdev).toBeCloseTo(2, 10);
    const two = new RoundTripSum();
    two.observe(8);
    two.observe(16);
    expect(two.times?.smoothed).toBe(9);
  });
});
