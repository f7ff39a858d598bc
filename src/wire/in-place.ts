import { BARE_LENGTH, FrameType, HEADER_BYTES, VERSION } from './codes.js';

const bareLength = BARE_LENGTH;
const headerOctets = HEADER_BYTES;
const pingWord = (VERSION << 24) | (FrameType.PING << 16);
const pongWord = (VERSION << 24) | (FrameType.PONG << 16);

/**
 * Makes PONGs of the bare PINGs that stand from octet `from` on, where they lie:
 * as far as they are of this scope, without flags and whole, and no more than `most`.
 * Returns the octet behind the last one.
 */
export function answerInPlace(chunk: Buffer, from: number, most: number, scope: number, status: number): number {
  // One object for the chunk, which reads a word at a third of the cost of its octets.
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
  const ping = pingWord | scope;
  const pong = pongWord | status;
  const last = Math.min(chunk.length, from + most * headerOctets) - headerOctets;
  let at = from;
  while (at <= last && view.getInt32(at) === bareLength && view.getInt32(at + 4) === ping) {
    view.setInt32(at + 4, pong);
    at += headerOctets;
  }
  return at;
}
