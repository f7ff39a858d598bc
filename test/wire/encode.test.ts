import { describe, expect, it } from '@jest/globals';
import { FrameType, MAX_LENGTH, maxBody } from '../../src/wire/codes.js';
import { encodeFrame, writeHeader } from '../../src/wire/encode.js';
import { octetsOf, vectors } from './vectors.js';

const id = { idHigh: 0x01234567, idLow: 0x89abcdef | 0 };
const header = (length: string, kind: string): string => `${length}01${kind}0123456789abcdef`;

describe('encodeFrame', () => {
  it('writes each bare frame of the vectors byte for byte', () => {
    const bare = vectors('valid').filter((vector) => !vector.unfinished && octetsOf(vector).length === 16);
    expect(bare.length).toBeGreaterThan(40);
    for (const vector of bare) {
      const [{ type, flags, code, id } = { type: 0, flags: 0, code: 0, id: '' }] = vector.frames;
      const halves = Buffer.from(id, 'hex');
      const frame = { type, flags, code, idHigh: halves.readInt32BE(0), idLow: halves.readInt32BE(4) };
      expect([vector.name, encodeFrame(frame)]).toEqual([vector.name, octetsOf(vector)]);
    }
  });

  it('has flags and code zero by default', () => {
    expect(encodeFrame({ type: FrameType.PING, ...id }).toString('hex')).toBe(header('0000000c', '010000'));
  });

  it('serializes an object, and copies a buffer', () => {
    const body = { message: 'no: é' };
    const octets = Buffer.from(JSON.stringify(body));
    const expected = Buffer.concat([Buffer.from(header('00000020', '7f0108'), 'hex'), octets]);
    expect(encodeFrame({ type: FrameType.ERROR, flags: 1, code: 8, ...id, body })).toEqual(expected);
    expect(encodeFrame({ type: FrameType.ERROR, flags: 1, code: 8, ...id, body: octets })).toEqual(expected);
  });

  it('encodes an empty buffer as a bare frame', () => {
    expect(encodeFrame({ type: FrameType.PONG, code: 1, ...id, body: Buffer.alloc(0) })).toHaveLength(16);
  });

  it.each(Object.entries(FrameType))('accepts the largest body of a %s and refuses one more byte', (_, type) => {
    const frame = encodeFrame({ type, ...id, body: Buffer.alloc(maxBody[type], 0x20) });
    expect(frame.readUInt32BE(0)).toBe(12 + maxBody[type]);
    expect(() => encodeFrame({ type, ...id, body: Buffer.alloc(maxBody[type] + 1, 0x20) })).toThrow(RangeError);
  });

  it('compares bytes, not characters, with the limit', () => {
    const body = { message: 'é'.repeat(2048) };
    expect(() => encodeFrame({ type: FrameType.ERROR, ...id, body })).toThrow('has 4110 bytes; at most 4096');
  });

  it('allows the maximum length for an unknown type', () => {
    const largest = Buffer.alloc(MAX_LENGTH - 12);
    expect(encodeFrame({ type: 0x80, ...id, body: largest })).toHaveLength(MAX_LENGTH + 4);
    expect(() => encodeFrame({ type: 0x80, ...id, body: Buffer.alloc(largest.length + 1) })).toThrow(RangeError);
  });
});

describe('writeHeader', () => {
  it('writes 16 bytes at an offset, and no others', () => {
    const target = Buffer.alloc(20, 0xee);
    writeHeader(target, 2, 0x0001000c, FrameType.PONG, 0xf6, 0xff, -1, 0x80000000);
    expect(target.toString('hex')).toBe('eeee0001000c0102f6ffffffffff80000000eeee');
  });
});
