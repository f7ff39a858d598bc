import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeFrame, type OutgoingFrame } from '../../src/wire/encode.js';
import type { Receiver } from '../../src/wire/header.js';
import { clientHello, fromClient, fromServer, junk, octetsLike, serverHello } from './streams.js';
import { cut, decode, idOf, octetByOctet } from './vectors.js';

/** The same inputs in each run, so that a failure can be reproduced. */
const seed = 7464;
const receivers = fc.constantFrom<Receiver>('server', 'client');
const octets = octetsLike(fromClient, fromServer, clientHello, serverHello);

function stream(hello: fc.Arbitrary<OutgoingFrame>, others: fc.Arbitrary<OutgoingFrame>) {
  const parts = fc.tuple(fc.array(others, { maxLength: 4 }), fc.option(hello), fc.array(others, { maxLength: 4 }));
  return parts.map(([before, one, after]) => [...before, ...(one ? [one] : []), ...after]);
}

function textOf({ faultyChunk, ...outcome }: ReturnType<typeof decode>) {
  return JSON.stringify(outcome);
}

describe('any bytes', () => {
  it('decode to the same frames in any chunks, up to a fault or the end', () => {
    const places = fc.array(fc.nat(), { maxLength: 12 });
    const property = fc.property(receivers, octets, places, (receiver, stream, anywhere) => {
      const whole = textOf(decode(receiver, [stream]));
      const sorted = anywhere.map((place) => place % (stream.length + 1)).sort((a, b) => a - b);
      expect(textOf(decode(receiver, cut(stream, sorted)))).toBe(whole);
      expect(textOf(decode(receiver, octetByOctet(stream)))).toBe(whole);
    });
    fc.assert(property, { seed, numRuns: 2000 });
  });

  it('input after a refused frame never changes the outcome', () => {
    const property = fc.property(receivers, octets, junk, (receiver, stream, more) => {
      const outcome = decode(receiver, [stream]);
      fc.pre(outcome.error !== undefined);
      expect(textOf(decode(receiver, [Buffer.concat([stream, more])]))).toBe(textOf(outcome));
    });
    fc.assert(property, { seed, numRuns: 500 });
  });
});

describe('encoded frames', () => {
  it.each([
    ['server', stream(clientHello, fromClient)],
    ['client', stream(serverHello, fromServer)],
  ] as const)('are decoded unchanged by a %s', (receiver, streams) => {
    const property = fc.property(streams, fc.array(fc.nat(), { maxLength: 5 }), (sent, anywhere) => {
      const all = Buffer.concat(sent.map(encodeFrame));
      const places = anywhere.map((place) => place % (all.length + 1)).sort((a, b) => a - b);
      const { frames, unfinished, error } = decode(receiver, cut(all, places));
      expect([unfinished, error]).toEqual([false, undefined]);
      expect(frames).toEqual(
        sent.map(({ type, flags, code, body, ...halves }) => ({
          type,
          flags,
          code,
          id: idOf(halves),
          ...(body && { body }),
        })),
      );
    });
    fc.assert(property, { seed, numRuns: 1000 });
  });
});
