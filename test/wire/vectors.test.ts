import { describe, expect, it } from '@jest/globals';
import { FrameType, WireError } from '../../src/wire/codes.js';
import type { Receiver } from '../../src/wire/header.js';
import { cut, decode, type Outcome, octetByOctet, octetsOf, type Vector, vectors } from './vectors.js';

const valid = vectors('valid');
const malformed = vectors('malformed');

function trials(list: Vector[]): [string, Vector, Receiver][] {
  return list.flatMap((vector) =>
    vector.receivers.map((receiver): [string, Vector, Receiver] => [
      `${receiver} reads: ${vector.name}`,
      vector,
      receiver,
    ]),
  );
}

function expected(vector: Vector): Outcome {
  return {
    frames: vector.frames.map(({ skipped, ...frame }) => frame),
    unfinished: vector.unfinished === true,
    ...(vector.error && { error: { code: vector.error.code, id: vector.error.id } }),
  };
}

function outcomeOf(receiver: Receiver, chunks: readonly Buffer[]): Outcome {
  const { faultyChunk, ...outcome } = decode(receiver, chunks);
  return outcome;
}

/**
 * All positions in a short input. In a long one, the positions near both ends, and between them at steps of a prime.
 */
function placesToCut(length: number): number[] {
  const every = Array.from({ length: length + 1 }, (_, place) => place);
  return length <= 400 ? every : every.filter((place) => place < 40 || place > length - 40 || place % 4099 === 0);
}

it.each(trials([...valid, ...malformed]))('%s', (_, vector, receiver) => {
  const octets = octetsOf(vector);
  expect(outcomeOf(receiver, [octets])).toEqual(expected(vector));

  const { faultyChunk, ...outcome } = decode(receiver, octetByOctet(octets));
  expect(outcome).toEqual(expected(vector));
  expect(faultyChunk).toBe(vector.error && vector.error.at - 1);

  const same = JSON.stringify(outcome);
  const others = placesToCut(octets.length).filter((place) => {
    return JSON.stringify(outcomeOf(receiver, cut(octets, [place]))) !== same;
  });
  expect(others).toEqual([]);
});

describe('the vectors', () => {
  it('have unique names', () => {
    for (const list of [valid, malformed]) expect(new Set(list.map(({ name }) => name)).size).toBe(list.length);
  });

  it('contain each type for each receiver that may receive it', () => {
    const seen = new Set(valid.flatMap((v) => v.frames.flatMap((f) => v.receivers.map((r) => `${r} ${f.type}`))));
    const { PING, PONG, WATCH, STATUS, HELLO, GOAWAY, ERROR } = FrameType;
    for (const type of [PING, PONG, WATCH, HELLO, GOAWAY, ERROR]) expect(seen).toContain(`server ${type}`);
    for (const type of [PING, PONG, STATUS, HELLO, GOAWAY, ERROR]) expect(seen).toContain(`client ${type}`);
  });

  it('contain each error of the decoder, and an error for each malformed one', () => {
    const codes = new Set(malformed.map((vector) => vector.error?.code));
    const { PROTOCOL, VERSION, TOO_LARGE, UNKNOWN_TYPE, BAD_BODY } = WireError;
    expect([...codes].sort()).toEqual([PROTOCOL, VERSION, TOO_LARGE, UNKNOWN_TYPE, BAD_BODY]);
    expect(valid.filter((vector) => vector.error)).toEqual([]);
  });
});
