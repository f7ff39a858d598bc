import { describe, expect, it } from '@jest/globals';
import { PingStatistics } from '../../src/cli/ping/statistics.js';

describe('the statistics of ping', () => {
  it('sums up round trips as ping(8) does: least, mean, most, standard deviation', () => {
    const statistics = new PingStatistics();
    for (const rtt of [2, 4, 4, 4, 5, 5, 7, 9]) statistics.answered('pass', rtt);
    expect(statistics.roundTrips).toEqual({ min: 2, avg: 5, max: 9, mdev: 2 });
  });

  it('counts what was not answered as loss, and answers by their status', () => {
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

  it('knows no round trips where nothing was answered, and no loss where nothing was sent', () => {
    const statistics = new PingStatistics();
    expect(statistics.loss).toBe(0);
    statistics.unanswered();
    expect(statistics.roundTrips).toBeUndefined();
    expect(statistics.loss).toBe(100);
  });

  it('never has a deviation that is not a number, however equal the times', () => {
    const statistics = new PingStatistics();
    for (let i = 0; i < 1000; i++) statistics.answered('pass', 0.1);
    expect(statistics.roundTrips?.mdev).toBeGreaterThanOrEqual(0);
  });
});
