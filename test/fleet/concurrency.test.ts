import { describe, expect, it } from '@jest/globals';
import { ConcurrencyLimit } from '../../src/fleet/concurrency.js';
import { settle } from '../fake-clock.js';

describe('a limit for concurrent attempts', () => {
  it('runs that many at a time, and the others in order, even after one that fails', async () => {
    const limit = new ConcurrencyLimit(2);
    const started: number[] = [];
    const ends: ((failed: boolean) => void)[] = [];
    const results = [0, 1, 2, 3].map((n) =>
      limit.run(() => {
        started.push(n);
        return new Promise<number>((resolve, reject) => {
          ends[n] = (failed) => (failed ? reject(new Error(`${n}`)) : resolve(n));
        });
      }),
    );
    await settle();
    expect(started).toEqual([0, 1]);
    ends[1]?.(true);
    await expect(results[1]).rejects.toThrow('1');
    expect(started).toEqual([0, 1, 2]);
    ends[0]?.(false);
    await settle();
    ends[2]?.(false);
    ends[3]?.(false);
    expect(await Promise.all([results[0], results[2], results[3]])).toEqual([0, 2, 3]);
    expect(await limit.run(async () => 4)).toBe(4);
  });

  it('counts an attempt that throws synchronously', async () => {
    const limit = new ConcurrencyLimit(1);
    const failing = () => {
      throw new Error('no');
    };
    await expect(limit.run(failing)).rejects.toThrow('no');
    expect(await limit.run(async () => 1)).toBe(1);
  });
});
