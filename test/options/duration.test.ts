import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatBytes, parseBytes } from '../../src/options/bytes.js';
import { formatDuration, parseDuration } from '../../src/options/duration.js';

describe('a duration', () => {
  it.each([
    ['250ms', 250],
    ['2s', 2000],
    ['1m', 60_000],
    ['1h', 3_600_000],
    ['1.5s', 1500],
    ['1.1s', 1100],
    ['0.25m', 15_000],
    ['0', 0],
    ['0s', 0],
  ])('%s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each([
    '',
    '2',
    '2 s',
    ' 2s',
    '2S',
    '-2s',
    '+2s',
    '2sec',
    '1m30s',
    '1d',
    's',
    '.5s',
    '2.s',
    '1e3ms',
    '0.5ms',
    '٢s',
  ])('%p is invalid', (text) => expect(parseDuration(text)).toBeUndefined());

  it('is refused if its milliseconds are not a safe integer', () => {
    expect(parseDuration('999999999999h')).toBeUndefined();
  });

  it('is formatted in the largest unit that divides it, and parses back to itself', () => {
    expect([0, 1, 999, 1000, 1500, 60_000, 90_000, 3_600_000].map(formatDuration)).toEqual([
      '0',
      '1ms',
      '999ms',
      '1s',
      '1500ms',
      '1m',
      '90s',
      '1h',
    ]);
    fc.assert(fc.property(fc.nat(2 ** 31 - 1), (ms) => parseDuration(formatDuration(ms)) === ms));
  });
});

describe('a number of bytes', () => {
  it.each([
    ['65536', 65_536],
    ['256KiB', 262_144],
    ['1MiB', 1_048_576],
    ['2GiB', 2_147_483_648],
    ['0', 0],
  ])('%s is %d', (text, octets) => expect(parseBytes(text)).toBe(octets));

  it.each(['', '1KB', '1kib', '1.5MiB', '1 KiB', '-1', '0x10', '999999999999999GiB'])('%p is invalid', (text) =>
    expect(parseBytes(text)).toBeUndefined(),
  );

  it('is formatted in the largest unit that divides it, and parses back to itself', () => {
    expect([0, 1000, 1024, 262_144, 1_048_576].map(formatBytes)).toEqual(['0', '1000', '1KiB', '256KiB', '1MiB']);
    fc.assert(fc.property(fc.nat(), (octets) => parseBytes(formatBytes(octets)) === octets));
  });
});
