import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { HistoryRecorder } from '../../../src/health/history/recorder.js';
import type { Slot } from '../../../src/health/history/slot.js';
import { SLOT_BYTES } from '../../../src/health/history/slot-ring.js';
import { type State, states } from '../../../src/health/state.js';
import { FakeClock, settle } from '../../fake-clock.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

let recorder: HistoryRecorder;

function started(): FakeClock {
  const clock = new FakeClock();
  recorder = new HistoryRecorder({ clock });
  return clock;
}

afterEach(() => recorder.close());

const slots = (count: number, key = 'db') => recorder.series(key)?.slots(count) ?? [];
const times = (count: number, key = 'db') => slots(count, key).map((slot) => slot && [slot.knownMs, slot.unhealthyMs]);

describe('slots', () => {
  test('time is added to the minute in which it passed, and nothing is known before the first state', async () => {
    const clock = started();
    expect(recorder.series('db')).toBeUndefined();
    await clock.advance(20 * SECOND);
    recorder.setState('db', 'pass');
    await clock.advance(70 * SECOND);
    recorder.setState('db', 'fail');
    await clock.advance(10 * SECOND);
    recorder.setState('db', 'warn');
    await clock.advance(90 * SECOND);
    expect(times(5)).toEqual([undefined, [40_000, 0], [60_000, 10_000], [60_000, 0], [10_000, 0]]);
    expect(slots(4).map((slot) => slot?.worst)).toEqual(['pass', 'fail', 'warn', 'warn']);
  });

  test('returns no more than a day and the current minute', () => {
    started();
    recorder.setState('db', 'pass');
    expect([slots(0), slots(1440), slots(10_000)].map(({ length }) => length)).toEqual([0, 1440, 1441]);
  });

  test('a state of zero duration can still be the worst one', () => {
    started();
    recorder.setState('db', 'pass');
    recorder.setState('db', 'fail');
    recorder.setState('db', 'pass');
    expect(slots(1)[0]).toMatchObject({ worst: 'fail', knownMs: 0, unhealthyMs: 0 });
  });

  test('draining is seen but counts as neither healthy nor unhealthy; unknown and starting are unhealthy', async () => {
    const clock = started();
    for (const state of ['draining', 'unknown', 'starting', 'not-found', 'fail'] as const) {
      recorder.setState('db', state);
      await clock.advance(MINUTE);
    }
    recorder.setState('db', 'draining');
    expect(times(6)).toEqual([[0, 0], ...Array(4).fill([60_000, 60_000]), [0, 0]]);
    expect(slots(6)[0]?.worst).toBe('draining');
  });

  test('an undefined state is time without data', async () => {
    const clock = started();
    recorder.setState('db', 'pass');
    await clock.advance(30 * SECOND);
    recorder.setState('db', undefined);
    await clock.advance(2 * MINUTE);
    recorder.setState('db', 'pass');
    await clock.advance(5 * SECOND);
    expect(times(3)).toEqual([[30_000, 0], undefined, [5000, 0]]);
    expect(recorder.series('other')).toBeUndefined();
  });

  test('runs, failures and durations', async () => {
    const clock = started();
    recorder.addRun('db', false, 10);
    recorder.addRun('db', true, 40);
    recorder.addRun('db', true, undefined);
    const expected = { runs: 3, failures: 2, minMs: 10, meanMs: 25, maxMs: 40, worst: undefined, knownMs: 0 };
    expect(slots(1)[0]).toMatchObject(expected);
    await clock.advance(MINUTE);
    expect(slots(2)).toEqual([expect.objectContaining(expected), undefined]);
    recorder.addRun('db', true, undefined);
    await clock.advance(MINUTE);
    expect(slots(2)[0]).toMatchObject({ runs: 1, failures: 1, minMs: undefined, meanMs: undefined, maxMs: undefined });
  });

  test('durations of finished minutes have an error below 0.4 %, are in order, and 0 stays 0', async () => {
    const duration = fc.double({ min: 0.001, max: 1e6, noNaN: true });
    await fc.assert(
      fc.asyncProperty(fc.array(duration, { minLength: 1, maxLength: 5 }), async (durations) => {
        const clock = started();
        for (const ms of durations) recorder.addRun('db', false, ms);
        const open = slots(1)[0] as Slot;
        await clock.advance(MINUTE);
        const finished = slots(2)[0] as Slot;
        for (const key of ['minMs', 'meanMs', 'maxMs'] as const) {
          expect(Math.abs((finished[key] as number) / (open[key] as number) - 1)).toBeLessThan(0.004);
        }
        expect(finished.minMs).toBeLessThanOrEqual(finished.meanMs as number);
        expect(finished.meanMs).toBeLessThanOrEqual(finished.maxMs as number);
        recorder.close();
      }),
    );
    const clock = started();
    recorder.addRun('db', false, 0);
    await clock.advance(MINUTE);
    expect(slots(2)[0]).toMatchObject({ minMs: 0, meanMs: 0, maxMs: 0 });
  });

  test('runs are counted up to 65535', async () => {
    const clock = started();
    for (let i = 0; i < 66_000; i++) recorder.addRun('db', true, 1);
    await clock.advance(MINUTE);
    expect(slots(2)[0]).toMatchObject({ runs: 65_535, failures: 65_535, meanMs: 1 });
  });

  test('24 hours are kept', async () => {
    const clock = started();
    recorder.setState('db', 'fail');
    await clock.advance(MINUTE);
    recorder.setState('db', 'pass');
    await clock.advance(24 * HOUR - MINUTE);
    expect(slots(1441)[0]?.worst).toBe('fail');
    await clock.advance(MINUTE);
    const kept = slots(1441);
    expect(kept).not.toContain(undefined);
    expect(kept.some((slot) => slot?.worst === 'fail')).toBe(false);
  });

  test('a removed series is gone', () => {
    started();
    recorder.setState('db', 'fail');
    recorder.remove('db');
    recorder.remove('other');
    expect(recorder.series('db')).toBeUndefined();
    recorder.setState('db', 'pass');
    expect(slots(1)[0]?.worst).toBe('pass');
  });

  test('zero slots are an empty list', () => {
    started();
    recorder.setState('db', 'pass');
    expect(slots(0)).toEqual([]);
  });
});

describe('a correction', () => {
  test('turns healthy time into unhealthy time', async () => {
    const clock = started();
    recorder.setState('db', 'pass');
    await clock.advance(2 * MINUTE + 30 * SECOND);
    const start = clock.wall() - 150 * SECOND;
    recorder.correct('db', start + 50 * SECOND, start + 130 * SECOND, 'fail');
    recorder.correct('other', start, start + SECOND, 'fail');
    expect(times(3)).toEqual([
      [60_000, 10_000],
      [60_000, 60_000],
      [30_000, 10_000],
    ]);
    expect(slots(3).map((slot) => slot?.worst)).toEqual(['fail', 'fail', 'fail']);
    expect(recorder.series('other')).toBeUndefined();
  });

  test('fills time without data', async () => {
    const clock = started();
    recorder.setState('db', 'pass');
    await clock.advance(30 * SECOND);
    const from = clock.wall();
    clock.jump(75 * SECOND);
    recorder.correct('db', from, clock.wall(), 'fail');
    await clock.advance(15 * SECOND);
    expect(times(3)).toEqual([
      [60_000, 30_000],
      [60_000, 45_000],
      [0, 0],
    ]);
  });

  test('ignores what is too old, and what is in the future', async () => {
    const clock = started();
    recorder.setState('db', 'pass');
    await clock.advance(MINUTE);
    recorder.correct('db', clock.wall() - 48 * HOUR, clock.wall() - 47 * HOUR, 'fail');
    recorder.correct('db', clock.wall() + HOUR, clock.wall() + 2 * HOUR, 'fail');
    expect(times(2)).toEqual([
      [60_000, 0],
      [0, 0],
    ]);
  });
});

describe('availability', () => {
  test('is healthy time divided by known time', async () => {
    const clock = started();
    recorder.setState('db', 'pass');
    expect(recorder.series('db')?.availability(HOUR)).toBeUndefined();
    await clock.advance(45 * MINUTE);
    expect(recorder.series('db')?.availability(HOUR)).toBe(1);
    recorder.setState('db', 'fail');
    await clock.advance(15 * MINUTE);
    expect(recorder.series('db')?.availability(HOUR)).toBeCloseTo(44 / 59, 10);
    expect(recorder.series('db')?.availability(24 * HOUR)).toBe(0.75);
    expect(recorder.series('db')?.availability(MINUTE)).toBeUndefined();
    expect(recorder.series('db')?.availability(2 * MINUTE)).toBe(0);
  });

  test('time without data does not count', async () => {
    const clock = started();
    recorder.setState('db', 'fail');
    await clock.advance(10 * MINUTE);
    recorder.setState('db', undefined);
    await clock.advance(5 * HOUR);
    recorder.setState('db', 'pass');
    await clock.advance(30 * MINUTE);
    expect(recorder.series('db')?.availability(24 * HOUR)).toBe(0.75);
  });
});

describe('the clock', () => {
  test('the current minute is one of the wall clock', async () => {
    const clock = started();
    clock.wallOffset += 30 * SECOND;
    const start = clock.wall();
    await clock.advance(29 * SECOND);
    expect(recorder.minute).toBe(start - 30 * SECOND);
    await clock.advance(SECOND);
    expect(recorder.minute).toBe(start + 30 * SECOND);
  });

  test('the day before 1970 has no data', async () => {
    const clock = started();
    clock.wallOffset = 0;
    recorder.setState('db', 'pass');
    await clock.advance(2 * MINUTE);
    expect(slots(1440).slice(0, -3)).toEqual(Array(1437).fill(undefined));
    expect(recorder.series('db')?.availability(24 * HOUR)).toBe(1);
  });

  test('a step forward leaves a gap', async () => {
    const clock = started();
    recorder.setState('db', 'pass');
    await clock.advance(2 * MINUTE);
    clock.wallOffset += 3 * MINUTE;
    await clock.advance(MINUTE);
    expect(times(7)).toEqual([[60_000, 0], [60_000, 0], undefined, undefined, undefined, [60_000, 0], [0, 0]]);
  });

  test('after a step back, future slots are removed, and no slot has more than a minute', async () => {
    const clock = started();
    recorder.setState('db', 'fail');
    await clock.advance(10 * MINUTE);
    recorder.setState('db', 'pass');
    clock.wallOffset -= 5 * MINUTE;
    await clock.advance(2.5 * MINUTE);
    const [first, ...others] = times(9);
    expect(first).toBeUndefined();
    // Five minutes, the minute to which the clock was set back, one more minute, and half of the current one.
    expect(others).toEqual([...Array(6).fill([60_000, 60_000]), [60_000, 0], [30_000, 0]]);
  });

  test('small differences between the two clocks are not steps', async () => {
    const clock = started();
    recorder.setState('db', 'pass');
    for (let i = 0; i < 60; i++) {
      await clock.advance(10 * SECOND);
      clock.wallOffset += i % 2 ? 1 : -1;
      void recorder.minute;
    }
    expect(times(11).slice(0, 10)).toEqual(Array(10).fill([60_000, 0]));
  });

  test('time in which the process was stopped is unknown', async () => {
    const clock = started();
    recorder.setState('db', 'pass');
    await clock.advance(2 * MINUTE);
    clock.jump(HOUR);
    recorder.setState('db', 'fail');
    await clock.advance(MINUTE);
    expect(times(64)).toEqual([[60_000, 0], [60_000, 0], ...Array(60).fill(undefined), [60_000, 60_000], [0, 0]]);
  });

  test('slots are never negative or longer than a minute, regardless of clock steps', async () => {
    const event = fc.oneof(
      fc.record({ state: fc.constantFrom(...states, undefined) }),
      fc.record({ advance: fc.integer({ min: 0, max: 5 * MINUTE }) }),
      fc.record({ jump: fc.integer({ min: 0, max: 30 * MINUTE }) }),
      fc.record({ step: fc.integer({ min: -30 * MINUTE, max: 30 * MINUTE }) }),
      fc.record({ read: fc.constant(true) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (events) => {
        const clock = started();
        for (const event of events) {
          if ('state' in event) recorder.setState('db', event.state as State | undefined);
          else if ('advance' in event) await clock.advance(event.advance);
          else if ('jump' in event) clock.jump(event.jump);
          else if ('step' in event) clock.wallOffset += event.step;
          for (const slot of slots(120)) {
            if (!slot) continue;
            expect(slot.unhealthyMs).toBeGreaterThanOrEqual(0);
            expect(slot.unhealthyMs).toBeLessThanOrEqual(slot.knownMs);
            expect(slot.knownMs).toBeLessThanOrEqual(MINUTE);
            expect(slot.worst).toBeDefined();
          }
          const availability = recorder.series('db')?.availability(HOUR) ?? 0;
          expect(availability).toBeGreaterThanOrEqual(0);
          expect(availability).toBeLessThanOrEqual(1);
        }
        recorder.close();
      }),
      { numRuns: 50 },
    );
  });

  test('one timer serves all series', () => {
    const clock = started();
    for (let i = 0; i < 100; i++) recorder.setState(`check:${i}`, 'pass');
    expect(clock.timers).toBe(1);
    recorder.close();
    expect(clock.timers).toBe(0);
  });
});

describe('memory', () => {
  test('a slot has at most 24 bytes', () => {
    started();
    expect(SLOT_BYTES).toBeLessThanOrEqual(24);
  });

  test.each([
    [500, 1440],
    [2000, 360],
    [20_000, 45],
  ])('%d series keep %d slots each', async (series, kept) => {
    const clock = started();
    recorder.setState('first', 'fail');
    await clock.advance(50 * MINUTE);
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 1; i < series; i++) recorder.setState(`check:${i}`, 'pass');
    // The memory of resized series is freed in the background.
    while (process.memoryUsage().arrayBuffers - before > 16.5 * 1024 * 1024) {
      collectGarbage();
      await settle();
    }
    for (let i = 0; i < 24; i++) await clock.advance(HOUR);
    const known = slots(1441, 'check:1').filter((slot) => slot !== undefined);
    expect(known).toHaveLength(kept + 1);
  });

  test('the newest slots stay when series are added, and all keep more again when some are removed', async () => {
    const clock = new FakeClock();
    recorder = new HistoryRecorder({ clock, maxBytes: 720 * SLOT_BYTES });
    recorder.setState('db', 'fail');
    await clock.advance(6 * HOUR);
    recorder.setState('db', 'pass');
    await clock.advance(6 * HOUR);
    expect(recorder.series('db')?.availability(24 * HOUR)).toBe(0.5);
    recorder.setState('other', 'pass');
    expect(slots(720).findIndex((slot) => slot !== undefined)).toBe(359);
    expect(recorder.series('db')?.availability(24 * HOUR)).toBe(1);
    recorder.remove('other');
    await clock.advance(6 * HOUR);
    expect(slots(721).every((slot) => slot?.worst === 'pass')).toBe(true);
  });
});
