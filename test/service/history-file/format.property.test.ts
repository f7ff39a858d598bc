import { crc32 } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Slot } from '../../../src/health/history/slot.js';
import { durationOf } from '../../../src/health/history/slot-ring.js';
import { states } from '../../../src/health/state.js';
import {
  type Damage,
  decodeHistory,
  HistoryEncoder,
  type StoredMinute,
} from '../../../src/service/history-file/format.js';

const duration = fc.integer({ min: 1, max: 0x4f00 }).map(durationOf);
const durations = fc.oneof(fc.tuple(duration, duration, duration), fc.constant([undefined, undefined, undefined]));
const slot: fc.Arbitrary<Slot> = fc
  .tuple(
    fc.oneof(fc.constant(60_000), fc.integer({ min: 0, max: 60_000 })),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.constantFrom(...states, undefined),
    fc.integer({ min: 0, max: 65_535 }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    durations,
  )
  .map(([knownMs, unhealthy, worst, runs, failed, [minMs, meanMs, maxMs]]) => ({
    knownMs,
    unhealthyMs: Math.round(knownMs * unhealthy),
    worst,
    runs,
    failures: Math.round(runs * failed),
    minMs,
    meanMs,
    maxMs,
  }));
const key = fc.string({ maxLength: 64, unit: 'grapheme' }).map((name) => `check:${name}`);
const minute: fc.Arbitrary<StoredMinute> = fc.record({
  minute: fc.integer({ min: 0, max: 0xffff_ffff }),
  slots: fc.uniqueArray(fc.tuple(key, slot), { maxLength: 8, selector: ([key]) => key }),
});
const minutes = fc.array(minute, { maxLength: 6 });

function encoded(minutes: readonly StoredMinute[], keys: readonly string[] = []): Buffer {
  const encoder = new HistoryEncoder();
  return Buffer.concat([encoder.header(), encoder.keys(keys), ...minutes.map((minute) => encoder.minute(minute))]);
}

function decoded(file: Buffer): { minutes: StoredMinute[]; damage: Damage | undefined } {
  const minutes: StoredMinute[] = [];
  const decoding = decodeHistory(file);
  for (;;) {
    const { done, value } = decoding.next();
    if (done) return { minutes, damage: value };
    minutes.push(value);
  }
}

describe('the format of the history file', () => {
  test('what is decoded is what was encoded', () => {
    fc.assert(
      fc.property(minutes, fc.array(key), (minutes, keys) => {
        expect(decoded(encoded(minutes, keys))).toEqual({ minutes, damage: undefined });
      }),
    );
  });

  test('a file that ends anywhere after its header is torn, or ends between two records', () => {
    fc.assert(
      fc.property(minutes, fc.nat(), (minutes, cut) => {
        const file = encoded(minutes);
        const end = 16 + (cut % (file.length - 15));
        const { minutes: found, damage } = decoded(file.subarray(0, end));
        expect([undefined, 'torn']).toContain(damage);
        expect(found).toEqual(minutes.slice(0, found.length));
      }),
    );
  });

  test('zeros at the end, as after a power failure, are torn', () => {
    fc.assert(
      fc.property(minutes, fc.integer({ min: 1, max: 5000 }), (minutes, zeros) => {
        expect(decoded(Buffer.concat([encoded(minutes), Buffer.alloc(zeros)]))).toEqual({ minutes, damage: 'torn' });
      }),
    );
  });

  test('a changed byte is detected, and the preceding data is kept', () => {
    fc.assert(
      fc.property(
        fc.array(minute, { minLength: 1, maxLength: 6 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (minutes, at, by) => {
          const file = encoded(minutes);
          file[at % file.length] = (file[at % file.length] as number) ^ by;
          const { minutes: found, damage } = decoded(file);
          expect(damage).toBeDefined();
          expect(found.length).toBeLessThan(minutes.length);
          expect(found).toEqual(minutes.slice(0, found.length));
        },
      ),
    );
  });

  test('any bytes are decoded without an exception', () => {
    const header = new HistoryEncoder().header();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, hasHeader) => {
        expect(decoded(Buffer.concat([hasHeader ? header : Buffer.alloc(0), bytes])).minutes).toEqual([]);
      }),
    );
  });

  test('keys of more than 512 bytes are omitted', () => {
    const [long, longer] = ['x'.repeat(512), 'x'.repeat(513)];
    const one: Slot = {
      knownMs: 60_000,
      unhealthyMs: 0,
      worst: 'pass',
      runs: 0,
      failures: 0,
      minMs: undefined,
      meanMs: undefined,
      maxMs: undefined,
    };
    const { minutes } = decoded(
      encoded([
        {
          minute: 1,
          slots: [
            [longer, one],
            [long, one],
          ],
        },
      ]),
    );
    expect(minutes).toEqual([{ minute: 1, slots: [[long, one]] }]);
  });

  test('other versions are not read', () => {
    const header = new HistoryEncoder().header();
    header.writeUInt32LE(2, 8);
    header.writeUInt32LE(crc32(header.subarray(0, 12)), 12);
    expect(decoded(header)).toEqual({ minutes: [], damage: { broken: 'its version is 2; supported: 1' } });
  });

  test('a healthy minute of a check takes at most 11 bytes', () => {
    const slots = Array.from({ length: 500 }, (_, i): [string, Slot] => [
      `check:${i}`,
      {
        knownMs: 60_000,
        unhealthyMs: 0,
        worst: 'pass',
        runs: 12,
        failures: 0,
        minMs: durationOf(0x3f80),
        meanMs: durationOf(0x3fc0),
        maxMs: durationOf(0x4000),
      },
    ]);
    const encoder = new HistoryEncoder();
    encoder.keys(slots.map(([key]) => key));
    expect(encoder.minute({ minute: 1, slots }).length / 500).toBeLessThan(11);
  });
});
