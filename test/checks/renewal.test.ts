import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Renewal } from '../../src/checks/shared/renewal.js';

afterEach(() => void jest.restoreAllMocks());

/** Makes `Math.random` return the given offsets in order, and then 0. */
function draw(...offsets: number[]): void {
  jest.spyOn(Math, 'random').mockImplementation(() => offsets.shift() ?? 0);
}

/**
 * Returns those of the run times `times` at which the run connects. The connection is lost before the runs at the times
 * `lost`.
 */
function connections(times: readonly number[], lost: readonly number[] = [], renewal = new Renewal()): number[] {
  return times.filter((now) => {
    const isDue = renewal.isDue(now);
    if (!isDue && !lost.includes(now)) return false;
    renewal.connected(now);
    return true;
  });
}

const every = (ms: number, runs: number) => Array.from({ length: runs }, (_, run) => run * ms);

describe('the renewal of a kept connection', () => {
  it.each([100, 500, 900, 1000, 2500, 3000, 4400, 5000, 7000, 10_000])(
    'is not later than after 10 s, with runs %i ms apart',
    (ms) => {
      const made = connections(every(ms, 60_000 / ms + 1));
      expect(made.length).toBeGreaterThanOrEqual(7);
      for (const [index, at] of made.slice(1).entries())
        expect(at - (made[index] as number)).toBeLessThanOrEqual(10_000);
    },
  );

  it('is up to 5 s early the first time, and then every 10 s', () => {
    draw(0.5);
    expect(connections(every(500, 70))).toEqual([0, 7500, 17_500, 27_500]);
  });

  it('is not early again with runs 5 s apart, which would connect each time', () => {
    draw(0.5);
    expect(connections(every(5000, 8))).toEqual([0, 5000, 15_000, 25_000, 35_000]);
  });

  it.each([
    ['within its time', [13_000], [0, 10_000, 13_000, 18_000, 28_000]],
    [
      'and cannot be made again for a while',
      every(1000, 25).slice(13),
      [0, 10_000, ...every(1000, 25).slice(13), 29_000],
    ],
  ])('is at another random time after the connection was lost %s', (_how, lost, expected) => {
    draw(0, ...lost.map(() => 1));
    expect(connections(every(1000, 30), lost)).toEqual(expected);
  });

  it('keeps to another maximum age from then on', () => {
    draw();
    const renewal = new Renewal();
    expect(connections(every(1000, 11), [], renewal)).toEqual([0, 10_000]);
    renewal.setMaxAge(60_000);
    expect(connections(every(1000, 200).slice(11), [], renewal)).toEqual([70_000, 130_000, 190_000]);
  });
});
