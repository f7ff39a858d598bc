import { readFileSync } from 'node:fs';
import { Decoder, FAULT, FRAME, NEED_MORE } from '../../src/wire/decoder.js';
import type { Receiver } from '../../src/wire/header.js';

export interface VectorFrame {
  type: number;
  flags: number;
  code: number;
  id: string;
  body?: object;
  skipped?: true;
}

export interface Vector {
  name: string;
  receivers: Receiver[];
  octets: (string | { text: string } | { repeat: string; times: number })[];
  frames: VectorFrame[];
  unfinished?: true;
  error?: { code: number; id: string; at: number };
}

export function vectors(file: 'valid' | 'malformed'): Vector[] {
  return JSON.parse(readFileSync(new URL(`../../protocol/vectors/codec/${file}.json`, import.meta.url), 'utf8'));
}

export function octetsOf(vector: Vector): Buffer {
  const segments = vector.octets.map((segment) => {
    if (typeof segment === 'string') return Buffer.from(segment, 'hex');
    if ('text' in segment) return Buffer.from(segment.text, 'utf8');
    return Buffer.concat(Array<Buffer>(segment.times).fill(Buffer.from(segment.repeat, 'hex')));
  });
  return Buffer.concat(segments);
}

export interface Outcome {
  frames: Omit<VectorFrame, 'skipped'>[];
  unfinished: boolean;
  error?: { code: number; id: string };
  /** Index of the chunk that contains the fault. */
  faultyChunk?: number;
}

/** Decodes the chunks. Continues after a fault, to verify that nothing more is decoded. */
export function decode(receiver: Receiver, chunks: readonly Buffer[]): Outcome {
  const decoder = new Decoder(receiver);
  const outcome: Outcome = { frames: [], unfinished: false };
  for (const [index, chunk] of chunks.entries()) {
    if (outcome.error) break;
    decoder.push(chunk);
    let found = decoder.next();
    for (; found === FRAME; found = decoder.next()) {
      const { type, flags, code, body } = decoder;
      checkPlace(decoder, chunk);
      outcome.frames.push({ type, flags, code, id: idOf(decoder), ...(body && { body }) });
    }
    if (found === FAULT) {
      outcome.error = { code: decoder.fault?.code ?? -1, id: idOf(decoder) };
      outcome.faultyChunk = index;
      if (decoder.next() !== FAULT) throw new Error('A decoder that has refused a frame went on.');
    } else if (found !== NEED_MORE || decoder.position !== chunk.length) {
      throw new Error('A decoder wants more before it has consumed what it has.');
    }
  }
  outcome.unfinished = decoder.hasPartial;
  return outcome;
}

/** Checks that `offset` and `position` match the current frame. */
function checkPlace(decoder: Decoder, chunk: Buffer): void {
  const { offset, position } = decoder;
  if (offset < 0) return;
  const header = chunk.subarray(offset, offset + 16);
  const decoded = [12, decoder.type, decoder.flags, decoder.code, idOf(decoder)];
  const there = [header.readUInt32BE(0), header[5], header[6], header[7], header.toString('hex', 8)];
  if (position !== offset + 16 || decoded.join() !== there.join())
    throw new Error(`decoded ${decoded}; the header has ${there}`);
}

export function idOf({ idHigh, idLow }: { idHigh: number; idLow: number }): string {
  const id = Buffer.alloc(8);
  id.writeInt32BE(idHigh, 0);
  id.writeInt32BE(idLow, 4);
  return id.toString('hex');
}

/** Splits at each of `places`, which must be in ascending order. */
export function cut(octets: Buffer, places: readonly number[]): Buffer[] {
  const bounds = [0, ...places, octets.length];
  return bounds.slice(1).map((end, index) => octets.subarray(bounds[index], end));
}

export function octetByOctet(octets: Buffer): Buffer[] {
  return Array.from(octets, (_, index) => octets.subarray(index, index + 1));
}
