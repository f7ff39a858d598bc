import { describe, expect, it } from '@jest/globals';
import type { Group } from '../../src/health/query/group.js';
import { ReportCache } from '../../src/health/query/report-cache.js';
import { FakeClock } from '../fake-clock.js';

const viewOf = () => ({}) as Group;

function cached() {
  const clock = new FakeClock();
  const cache = new ReportCache(clock);
  let made = 0;
  const get = (view: Group, { revision = 1, bytes = 10, extent = 'full' as 'full' | 'causes' } = {}) =>
    cache.get(view, extent, revision, () => {
      made++;
      return Buffer.alloc(bytes);
    });
  return { clock, cache, get, made: () => made };
}

describe('a serialized report', () => {
  it('is shared by all requests within 250 ms while nothing changes', async () => {
    const { clock, get, made } = cached();
    const view = viewOf();
    expect(get(view)).toBe(get(view));
    await clock.advance(249);
    get(view);
    expect(made()).toBe(1);
    get(view, { revision: 2 });
    get(view, { revision: 2, extent: 'causes' });
    expect(made()).toBe(3);
    await clock.advance(250);
    get(view, { revision: 2 });
    expect(made()).toBe(4);
  });

  it('is kept no longer than it is valid, and leaves no timer', async () => {
    const { clock, cache, get } = cached();
    for (let each = 0; each < 100; each++) {
      get(viewOf(), { bytes: 1000 });
      await clock.advance(10);
      expect(cache.bytes).toBeLessThanOrEqual(24_000);
    }
    expect(cache.bytes).toBe(24_000);
    await clock.advance(250);
    expect([cache.bytes, clock.timers]).toEqual([0, 0]);
  });

  it('is kept only up to the maximum number', () => {
    const { cache, get } = cached();
    const mebibyte = 1024 * 1024;
    for (let each = 0; each < 100; each++) {
      get(viewOf(), { bytes: mebibyte });
      expect(cache.bytes).toBeLessThanOrEqual(4 * mebibyte);
    }
  });
});
