import { describe, expect, it } from '@jest/globals';
import { LoopMonitor, type LoopStatus } from '../../src/threads/loop-monitor.js';
import { ThreadStats } from '../../src/threads/thread-stats.js';
import { FakeClock } from '../fake-clock.js';

function monitored(limits = { readinessStall: 2000, livenessStall: 10_000 }) {
  const clock = new FakeClock();
  const stats = new ThreadStats();
  const seen: [at: number, status: LoopStatus][] = [];
  let beats = 0;
  const monitor = new LoopMonitor(
    clock,
    () => beats,
    limits,
    stats,
    (status) => seen.push([clock.now(), status]),
    () => {},
  );
  monitor.start();
  return {
    clock,
    stats,
    monitor,
    /** The reported statuses, as times and blocked scopes. */
    reported: () =>
      seen.map(([at, { isReadinessBlocked, isLivenessBlocked }]) => [at, isReadinessBlocked, isLivenessBlocked]),
    seen,
    /** Advances the time while the event loop turns. */
    async turn(ms: number) {
      for (let i = 0; i < ms / 100; i++) {
        beats++;
        await clock.advance(100);
      }
    },
  };
}

describe('the event loop monitor', () => {
  it('reports readiness, then liveness, and the end of the stall', async () => {
    const { clock, turn, reported, seen, stats } = monitored();
    await turn(1000);
    await clock.advance(13_000);
    await turn(1000);
    expect(reported()).toEqual([
      [3000, true, false],
      [11_000, true, true],
      [14_100, false, false],
    ]);
    expect(seen[0]?.[1].blockedSince).toBe(clock.wallOffset + 1000);
    expect(stats.stalls).toEqual({ readiness: 1, liveness: 1 });
    expect(stats.longestStall).toBeCloseTo(13);
    expect(stats.stalled).toBe(0);
  });

  it('reports nothing for an application that works in slices of 1.9 s', async () => {
    const { clock, turn, reported } = monitored();
    for (let i = 0; i < 20; i++) {
      await clock.advance(1900);
      await turn(100);
    }
    expect(reported()).toEqual([]);
  });

  it('does not count time in which the whole process was stopped', async () => {
    const { clock, turn, reported, stats } = monitored();
    await turn(1000);
    clock.jump(15_000);
    await clock.advance(1);
    await turn(1000);
    expect(reported()).toEqual([]);
    expect(stats.longestStall).toBeLessThanOrEqual(0.3);
  });

  it('reports nothing with limits of 0', async () => {
    const { clock, reported, stats } = monitored({ readinessStall: 0, livenessStall: 0 });
    await clock.advance(60_000);
    expect(reported()).toEqual([]);
    expect(stats.stalled).toBeCloseTo(60);
  });

  it('applies changed limits from the next tick', async () => {
    const { clock, monitor, reported } = monitored({ readinessStall: 0, livenessStall: 0 });
    await clock.advance(5000);
    monitor.limits = { readinessStall: 1000, livenessStall: 0 };
    await clock.advance(100);
    expect(reported()).toEqual([[5100, true, false]]);
  });
});
