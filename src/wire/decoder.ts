import { BadBody, type FrameBody, readBody } from './bodies.js';
import { BARE_LENGTH, FrameType, HEADER_BYTES, WireError } from './codes.js';
import {
  type Fault,
  headerFault,
  lengthFault,
  type Receiver,
  type Rules,
  rateFault,
  rulesFor,
  Treatment,
  unaskedFault,
} from './header.js';
import { codeIn, flagsIn, isBarePing, SplitHeader, typeIn, word } from './words.js';

export const NEED_MORE = 0;
export const FRAME = 1;
export const FAULT = 2;
export type Outcome = typeof NEED_MORE | typeof FRAME | typeof FAULT;

/** Position of the next byte in the stream. */
const BOUNDARY = 0;
/** A frame boundary where one newline is skipped, because some probers append a newline to the data that they send. */
const BEHIND_FRAME = 1;
const IN_HEADER = 2;
const IN_BODY = 3;
const IN_SKIPPED_BODY = 4;
const FINISHED = 5;

const LINE_FEED = 0x0a;
// Defined in this module, because V8 inlines module constants but looks up an imported one on each use.
const PING = FrameType.PING;
const EMPTY = Buffer.alloc(0);
/** More headers than one chunk can contain. A small integer, so that decrementing it allocates nothing. */
export const UNLIMITED = 2 ** 30 - 1;

/**
 * Decodes the frames of a byte stream that arrives in chunks of any size. Pass a chunk to `push`, then call `next`
 * until it returns NEED_MORE. A bare frame that is complete in the chunk costs a few reads and no allocation. A split
 * header is collected in four numbers. A split body is copied once, into a buffer that is allocated after its header
 * has been validated.
 */
export class Decoder {
  /** Type of the frame that `next` decoded. */
  type = 0;
  flags = 0;
  code = 0;
  /**
   * Frame id as two signed numbers, which V8 stores without an allocation. For a partial frame, the id once its header
   * is complete, and zeros before.
   */
  idHigh = 0;
  idLow = 0;
  /** The validated body without unknown keys; undefined for a bare or skipped frame. */
  body: FrameBody | undefined = undefined;
  /** Offset of the frame in the chunk if it is bare and complete in it, otherwise -1. */
  offset = -1;
  /** Number of bytes consumed from the chunk. `chunk.subarray(position)` is the rest. */
  position = 0;
  /** After FAULT: code and message of the ERROR to send with `idHigh` and `idLow`. The decoder accepts no more data. */
  fault: Fault | undefined = undefined;

  /**
   * Number of headers that may still be completed before the next `push`. One more is a fault (SPEC "Order of
   * validation").
   */
  allowed = UNLIMITED;

  /** Distinguishes partial frames: counts the frames that were not bare and complete in one chunk. */
  partialId = 0;

  /**
   * Whether the client has sent HELLO. Before the HELLO, the server must not send a PING, GOAWAY or HELLO. Unused in a
   * server.
   */
  helloSent = true;

  private readonly rules: Rules;
  /** Stage that follows a frame. Only a server skips a newline. */
  private readonly behindFrame: number;
  private stage: number = BOUNDARY;
  private chunk: Buffer = EMPTY;
  private end = 0;
  private helloSeen = false;
  /** Created for the first split header; most connections never need it. */
  private header: SplitHeader | undefined = undefined;
  /** A body that is split across chunks. */
  private gatheredBody: Buffer | undefined = undefined;
  /** Number of missing body bytes. */
  private missing = 0;

  constructor(receiver: Receiver) {
    this.rules = rulesFor[receiver];
    this.behindFrame = receiver === 'server' ? BEHIND_FRAME : BOUNDARY;
  }

  /** Whether a frame has begun and is not complete. */
  get hasPartial(): boolean {
    return this.stage >= IN_HEADER && this.stage !== FINISHED;
  }

  /**
   * Takes the next chunk, after `next` has returned NEED_MORE. The chunk is not copied, and is released when it has
   * been consumed. Any number of frames is allowed until `allowed` is set.
   */
  push(chunk: Buffer): void {
    this.chunk = chunk;
    this.allowed = UNLIMITED;
    this.position = 0;
    this.end = chunk.length;
  }

  /** Continues at `position` of the chunk, a frame boundary. The `frames` frames before it were answered in place. */
  skipTo(position: number, frames: number): void {
    this.position = position;
    this.allowed -= frames;
  }

  /** Decodes the next frame. A frame whose body is skipped is returned as soon as its header is complete. */
  next(): Outcome {
    const at = this.position;
    if (this.stage > BEHIND_FRAME || this.end - at < HEADER_BYTES) return this.resume();
    const chunk = this.chunk;
    const kind = word(chunk, at + 4);
    if (!isBarePing(word(chunk, at), kind) || !this.helloSent || this.allowed <= 0) return this.resume();
    this.allowed--;
    this.type = PING;
    this.flags = flagsIn(kind);
    this.code = codeIn(kind);
    this.idHigh = word(chunk, at + 8);
    this.idLow = word(chunk, at + 12);
    this.body = undefined;
    this.offset = at;
    this.position = at + HEADER_BYTES;
    this.stage = this.behindFrame;
    return FRAME;
  }

  private resume(): Outcome {
    switch (this.stage) {
      case BEHIND_FRAME:
        return this.skipNewline();
      case BOUNDARY:
        return this.startHeader();
      case IN_HEADER:
        return this.gatherHeader();
      case IN_BODY:
        return this.gatherBody();
      case IN_SKIPPED_BODY:
        // The frame was already returned when its header was complete.
        this.skipBody();
        return this.missing === 0 ? this.next() : this.needMore();
      default:
        return FAULT;
    }
  }

  private skipNewline(): Outcome {
    if (this.position === this.end) return this.needMore();
    this.stage = BOUNDARY;
    if (this.chunk[this.position] !== LINE_FEED) return this.startHeader();
    this.position++;
    return this.next();
  }

  private startHeader(): Outcome {
    const at = this.position;
    if (at === this.end) return this.needMore();
    this.partialId++;
    if (this.end - at < HEADER_BYTES) {
      this.stage = IN_HEADER;
      this.header ??= new SplitHeader();
      this.header.clear();
      this.idHigh = 0;
      this.idLow = 0;
      return this.gatherHeader();
    }
    const chunk = this.chunk;
    const length = word(chunk, at);
    const fault = lengthFault(length);
    if (fault) return this.fail(fault, 0, 0);
    this.position = at + HEADER_BYTES;
    return this.validateHeader(at, length, word(chunk, at + 4), word(chunk, at + 8), word(chunk, at + 12));
  }

  private gatherHeader(): Outcome {
    const header = this.header as SplitHeader;
    while (this.position < this.end) {
      header.take(this.chunk[this.position++]!);
      const fault = header.hasJustLength ? lengthFault(header.length) : undefined;
      if (fault) return this.fail(fault, 0, 0);
      if (header.isWhole) return this.validateHeader(-1, header.length, header.kind, header.idHigh, header.idLow);
    }
    return this.needMore();
  }

  /** `at`: offset of the complete header in the chunk, or -1. `kind`: second word of the header. */
  private validateHeader(at: number, length: number, kind: number, high: number, low: number): Outcome {
    const type = typeIn(kind);
    const flags = flagsIn(kind);
    const code = codeIn(kind);
    const fault =
      this.allowed-- <= 0
        ? rateFault
        : (headerFault(this.rules, length, kind >>> 24, type, flags, code, this.helloSeen) ??
          (this.helloSent ? undefined : unaskedFault(type)));
    if (fault) return this.fail(fault, high, low);
    this.type = type;
    this.flags = flags;
    this.code = code;
    this.idHigh = high;
    this.idLow = low;
    this.body = undefined;
    if (type === FrameType.HELLO) this.helloSeen = true;
    if (length === BARE_LENGTH) {
      this.offset = at;
      return this.complete();
    }
    this.offset = -1;
    this.missing = length - BARE_LENGTH;
    return this.rules.treatment[type] === Treatment.SKIPPED ? this.skipBody() : this.startBody();
  }

  private startBody(): Outcome {
    const start = this.position;
    if (this.end - start >= this.missing) {
      this.position += this.missing;
      return this.validateBody(this.chunk.subarray(start, this.position));
    }
    this.stage = IN_BODY;
    this.gatheredBody = Buffer.allocUnsafe(this.missing);
    return this.gatherBody();
  }

  private gatherBody(): Outcome {
    if (this.position === this.end) return this.needMore();
    const body = this.gatheredBody!;
    const copied = this.chunk.copy(body, body.length - this.missing, this.position, this.end);
    this.position += copied;
    this.missing -= copied;
    if (this.missing > 0) return this.needMore();
    this.gatheredBody = undefined;
    return this.validateBody(body);
  }

  private validateBody(bytes: Buffer): Outcome {
    try {
      this.body = readBody(this.type, bytes, this.rules.receiver, this.code);
    } catch (error) {
      if (!(error instanceof BadBody)) throw error;
      return this.fail({ code: WireError.BAD_BODY, message: error.message }, this.idHigh, this.idLow);
    }
    return this.complete();
  }

  private skipBody(): Outcome {
    const skipped = Math.min(this.missing, this.end - this.position);
    this.position += skipped;
    this.missing -= skipped;
    if (this.missing === 0) return this.complete();
    this.stage = IN_SKIPPED_BODY;
    return FRAME;
  }

  private complete(): Outcome {
    this.stage = this.behindFrame;
    return FRAME;
  }

  private fail(fault: Fault, high: number, low: number): Outcome {
    this.stage = FINISHED;
    this.fault = fault;
    this.idHigh = high;
    this.idLow = low;
    this.body = undefined;
    this.offset = -1;
    this.chunk = EMPTY;
    return FAULT;
  }

  private needMore(): Outcome {
    this.chunk = EMPTY;
    this.body = undefined;
    return NEED_MORE;
  }
}
