import { BARE_LENGTH, FrameType, HEADER_BYTES, VERSION } from './codes.js';

const bareLength = BARE_LENGTH;
const headerBytes = HEADER_BYTES;
const pingWord = (VERSION << 24) | (FrameType.PING << 16);
const pongWord = (VERSION << 24) | (FrameType.PONG << 16);

/**
 * Rewrites the bare PINGs from offset `from` to PONGs in place, as long as they are complete, of this scope and without
 * flags, and up to `max` of them. Returns the offset behind the last one.
 */
export function answerInPlace(chunk: Buffer, from: number, max: number, scope: number, status: number): number {
  // One allocation per chunk; reading a word through it costs a third of reading its bytes.
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
  const ping = pingWord | scope;
  const pong = pongWord | status;
  const last = Math.min(chunk.length, from + max * headerBytes) - headerBytes;
  let at = from;
  while (at <= last && view.getInt32(at) === bareLength && view.getInt32(at + 4) === ping) {
    view.setInt32(at + 4, pong);
    at += headerBytes;
  }
  return at;
}
