import { describe, expect, it } from '@jest/globals';
import { PingStatistics } from '../../src/cli/ping/statistics.js';

describe('the statistics of ping', () => {
  it('summarize round trips like ping(8): minimum, mean, maximum, standard deviation', () => {
    const statistics = new PingStatistics();
    for (const rtt of [2, 4, 4, 4, 5, 5, 7, 9]) statistics.answered('pass', rtt);
    expect(statistics.roundTrips).toEqual({ min: 2, avg: 5, max: 9, mdev: 2 });
  });

  it('count unanswered PINGs as loss, and answers by status', () => {
    const statistics = new PingStatistics();
    statistics.answered('pass', 1);
    statistics.answered('fail', 1);
    statistics.unanswered();
    statistics.unanswered();
    expect(statistics).toMatchObject({ sent: 4, received: 2, loss: 50 });
    expect([...statistics.statuses]).toEqual([
      ['pass', 1],
      ['fail', 1],
    ]);
  });

  it('have no round trips without an answer, and no loss without a PING', () => {
    const statistics = new PingStatistics();
    expect(statistics.loss).toBe(0);
    statistics.unanswered();
    expect(statistics.roundTrips).toBeUndefined();
    expect(statistics.loss).toBe(100);
  });

  it('never have a deviation of NaN, even if the times are equal', () => {
    const statistics = new PingStatistics();
    for (let i = 0; i < 1000; i++) statistics.answered('pass', 0.1);
    expect(statistics.roundTrips?.mdev).toBeGreaterThanOrEqual(0);
  });
});
