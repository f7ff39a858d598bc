import { expect, jest } from '@jest/globals';
import type { CheckDefinition } from '../../src/health/check.js';
import { FakeClock } from '../fake-clock.js';
import { runCheck } from '../live/run-check.js';

/**
 * Returns the times at which two checks connect to a server. They run each second for half a minute. The first draws
 * the smallest random offset, the second nearly the largest.
 */
export async function connectionTimes(
  make: (clock: FakeClock) => CheckDefinition,
  server: { readonly accepted: number },
): Promise<number[][]> {
  const both: number[][] = [];
  for (const drawn of [0, 0.99]) {
    const random = jest.spyOn(Math, 'random').mockReturnValue(drawn);
    const clock = new FakeClock();
    const check = make(clock);
    const times: number[] = [];
    for (; clock.now() < 30_000; clock.jump(1000)) {
      const before = server.accepted;
      expect(await runCheck(check)).toMatchObject({ status: 'pass' });
      if (server.accepted > before) times.push(clock.now());
      expect(server.accepted - before).toBeLessThanOrEqual(1);
    }
    random.mockRestore();
    both.push(times);
  }
  return both;
}

/** The first renewals are at different times, the following ones 10 s later. */
export const spreadTimes = [
  [0, 10_000, 20_000],
  [0, 5000, 15_000, 25_000],
];
