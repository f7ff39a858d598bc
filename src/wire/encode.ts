import { BARE_LENGTH, type FrameType, HEADER_BYTES, MAX_LENGTH, maxBody, VERSION } from './codes.js';

/** A frame to send. `idHigh` and `idLow` are the two halves of the id, as signed or unsigned 32-bit numbers. */
export interface OutgoingFrame {
  type: number;
  /** @default 0 */
  flags?: number;
  /**
   * Scope, status or reason.
   * @default 0
   */
  code?: number;
  idHigh: number;
  idLow: number;
  /** UTF-8 JSON text, or an object to serialize. Empty or absent: a bare frame. */
  body?: Buffer | object;
}

/**
 * Encodes one frame into one buffer.
 * @throws RangeError if the body is larger than its type allows, because a receiver would refuse it.
 */
export function encodeFrame(frame: OutgoingFrame): Buffer {
  const body = frame.body === undefined || Buffer.isBuffer(frame.body) ? frame.body : serialise(frame.body);
  const size = body?.length ?? 0;
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + size);
  writeHeaderOf(bytes, frame, size);
  body?.copy(bytes, HEADER_BYTES);
  return bytes;
}

/**
 * Encodes only the header of a frame. Its body of `bodyBytes` bytes, which several frames may share, must follow in the
 * same write.
 * @throws RangeError like `encodeFrame`.
 */
export function encodeHeader(frame: Omit<OutgoingFrame, 'body'>, bodyBytes: number): Buffer {
  // Not from Node's pool, because a header queued for a slow peer would retain an 8 KiB slab.
  const bytes = Buffer.allocUnsafeSlow(HEADER_BYTES);
  writeHeaderOf(bytes, frame, bodyBytes);
  return bytes;
}

function writeHeaderOf(target: Buffer, frame: OutgoingFrame, size: number): void {
  const { type, flags = 0, code = 0, idHigh, idLow } = frame;
  const limit = maxBody[type as FrameType] ?? MAX_LENGTH - BARE_LENGTH;
  if (size > limit) throw new RangeError(`The body has ${size} bytes; at most ${limit} are allowed for this type.`);
  writeHeader(target, 0, BARE_LENGTH + size, type, flags, code, idHigh, idLow);
}

/** Writes the 16 header bytes at `at`. `length` counts the bytes that follow the 4-byte length field. */
export function writeHeader(
  target: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  code: number,
  idHigh: number,
  idLow: number,
): void {
  writeWord(target, at, length);
  target[at + 4] = VERSION;
  target[at + 5] = type;
  target[at + 6] = flags;
  target[at + 7] = code;
  writeWord(target, at + 8, idHigh);
  writeWord(target, at + 12, idLow);
}

function serialise(body: object): Buffer {
  return Buffer.from(JSON.stringify(body), 'utf8');
}

function writeWord(target: Buffer, at: number, word: number): void {
  target[at] = word >>> 24;
  target[at + 1] = word >>> 16;
  target[at + 2] = word >>> 8;
  target[at + 3] = word;
}
