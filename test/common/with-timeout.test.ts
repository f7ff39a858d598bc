import { describe, expect, it } from '@jest/globals';
import { withTimeout } from '../../src/common/with-timeout.js';
import { FakeClock } from '../fake-clock.js';

describe('a time limit', () => {
  it('passes on a result that arrives in time, and stops its timer', async () => {
    const clock = new FakeClock();
    expect(await withTimeout(clock, 100, Promise.resolve(1))).toBe(1);
    await expect(withTimeout(clock, 100, Promise.reject(new Error('own')))).rejects.toThrow('own');
    expect(clock.timers).toBe(0);
  });

  it('ends with undefined, with a value or with an error, and ignores a late rejection', async () => {
    const clock = new FakeClock();
    const late = new Promise<number>((_, reject) => clock.after(200, () => reject(new Error('late'))));
    const ended = Promise.allSettled([
      withTimeout(clock, 100, late),
      withTimeout(clock, 100, late, () => 'instead'),
      withTimeout(clock, 100, late, () => {
        throw new Error('too late');
      }),
    ]);
    await clock.advance(100);
    expect((await ended).map((one) => (one.status === 'fulfilled' ? one.value : one.reason.message))).toEqual([
      undefined,
      'instead',
      'too late',
    ]);
    await clock.advance(100);
  });
});
