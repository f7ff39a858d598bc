import { BadBody, type FrameBody, readBody } from './bodies.js';
import { BARE_LENGTH, FrameType, HEADER_OCTETS, WireError } from './codes.js';
import { type Fault, headerFault, lengthFault, type Receiver, type Rules, rulesFor, Treatment } from './header.js';

export const NEED_MORE = 0;
export const FRAME = 1;
export const FAULT = 2;
export type Outcome = typeof NEED_MORE | typeof FRAME | typeof FAULT;

/** Where in the stream the next octet stands. */
const BOUNDARY = 0;
const IN_HEADER = 1;
const IN_BODY = 2;
const IN_SKIPPED_BODY = 3;
const FINISHED = 4;

const LENGTH_OCTETS = 4;
const LINE_FEED = 0x0a;
const nothing = Buffer.alloc(0);

/**
 * Finds frames in a stream of octets, however it was split into chunks. Give it
 * a chunk with `push`, then call `next` until it says NEED_MORE. A bare frame
 * that lies whole in the chunk costs a few reads and allocates nothing; a split
 * header is gathered in four numbers; a split body is copied once, into one
 * buffer that is allocated after its header was judged.
 */
export class Decoder {
  /** The frame that `next` just found. */
  type = 0;
  flags = 0;
  code = 0;
  /**
   * Its id as two signed numbers, which V8 keeps without allocating. Inside a
   * frame: the id once its header is complete, zeros before.
   */
  idHigh = 0;
  idLow = 0;
  /** The judged body, unknown keys dropped; undefined of a frame that is bare or not judged. */
  body: FrameBody | undefined = undefined;
  /** Where the frame starts in the chunk, when it is bare and lies whole in it; else -1. */
  offset = -1;
  /** Octets of the chunk that are consumed; `chunk.subarray(position)` is the rest. */
  position = 0;
  /** After FAULT: what the ERROR says; `idHigh` and `idLow` are what it carries. The decoder is finished then. */
  fault: Fault | undefined = undefined;

  private readonly rules: Rules;
  private stage: number = BOUNDARY;
  private chunk: Buffer = nothing;
  private end = 0;
  private helloSeen = false;
  /** Some probers append a newline to what they send: one behind a frame is no harm to a server. */
  private newlineAllowed = false;
  /** The words of a header that is split over chunks, and how many of its octets are gathered. */
  private gathered = 0;
  private lengthWord = 0;
  private kindWord = 0;
  private highWord = 0;
  private lowWord = 0;
  /** A body that is split over chunks. */
  private gatheredBody: Buffer | undefined = undefined;
  /** Octets that a body still lacks. */
  private missing = 0;

  constructor(receiver: Receiver) {
    this.rules = rulesFor[receiver];
  }

  /** Octets of an unfinished frame have been consumed. */
  get inside(): boolean {
    return this.stage !== BOUNDARY && this.stage !== FINISHED;
  }

  /** Hands over the next chunk, after `next` has said NEED_MORE. It is not copied, and let go when it is consumed. */
  push(chunk: Buffer): void {
    this.chunk = chunk;
    this.position = 0;
    this.end = chunk.length;
  }

  /** Looks for the next frame. A frame whose body is skipped is found when its header is complete. */
  next(): Outcome {
    if (this.stage !== BOUNDARY) return this.resume();
    const chunk = this.chunk;
    let at = this.position;
    if (this.newlineAllowed && at < this.end) {
      this.newlineAllowed = false;
      if (chunk[at] === LINE_FEED) this.position = ++at;
    }
    if (this.end - at < HEADER_OCTETS) return at === this.end ? this.needMore() : this.gatherHeader();
    const length = word(chunk, at);
    const fault = lengthFault(length);
    if (fault) return this.refuse(fault, 0, 0);
    this.position = at + HEADER_OCTETS;
    return this.judge(at, length, word(chunk, at + 4), word(chunk, at + 8), word(chunk, at + 12));
  }

  private resume(): Outcome {
    switch (this.stage) {
      case IN_HEADER:
        return this.gatherHeader();
      case IN_BODY:
        return this.gatherBody();
      case IN_SKIPPED_BODY:
        // It was told as a frame when its header was complete.
        this.skipBody();
        return this.missing === 0 ? this.next() : this.needMore();
      default:
        return FAULT;
    }
  }

  private gatherHeader(): Outcome {
    if (this.stage === BOUNDARY) {
      this.stage = IN_HEADER;
      this.gathered = 0;
      this.idHigh = 0;
      this.idLow = 0;
    }
    while (this.position < this.end) {
      this.gatherOctet(this.chunk[this.position++]!);
      if (this.gathered === LENGTH_OCTETS) {
        const fault = lengthFault(this.lengthWord);
        if (fault) return this.refuse(fault, 0, 0);
      }
      if (this.gathered === HEADER_OCTETS) {
        return this.judge(-1, this.lengthWord, this.kindWord, this.highWord, this.lowWord);
      }
    }
    return this.needMore();
  }

  /** A word holds four octets, so what it held before is shifted out. */
  private gatherOctet(octet: number): void {
    switch (this.gathered++ >> 2) {
      case 0:
        this.lengthWord = (this.lengthWord << 8) | octet;
        break;
      case 1:
        this.kindWord = (this.kindWord << 8) | octet;
        break;
      case 2:
        this.highWord = (this.highWord << 8) | octet;
        break;
      default:
        this.lowWord = (this.lowWord << 8) | octet;
    }
  }

  /** A header is complete; `at` is where it starts in the chunk, or -1. `kind` is version, type, flags and code. */
  private judge(at: number, length: number, kind: number, high: number, low: number): Outcome {
    const type = (kind >>> 16) & 0xff;
    const flags = (kind >>> 8) & 0xff;
    const code = kind & 0xff;
    const fault = headerFault(this.rules, length, kind >>> 24, type, flags, code, this.helloSeen);
    if (fault) return this.refuse(fault, high, low);
    this.type = type;
    this.flags = flags;
    this.code = code;
    this.idHigh = high;
    this.idLow = low;
    this.body = undefined;
    if (type === FrameType.HELLO) this.helloSeen = true;
    if (length === BARE_LENGTH) {
      this.offset = at;
      return this.found();
    }
    this.offset = -1;
    this.missing = length - BARE_LENGTH;
    return this.rules.treatment[type] === Treatment.SKIPPED ? this.skipBody() : this.startBody();
  }

  private startBody(): Outcome {
    const start = this.position;
    if (this.end - start >= this.missing) {
      this.position += this.missing;
      return this.judgeBody(this.chunk.subarray(start, this.position));
    }
    this.stage = IN_BODY;
    this.gatheredBody = Buffer.allocUnsafe(this.missing);
    return this.gatherBody();
  }

  private gatherBody(): Outcome {
    const body = this.gatheredBody!;
    const copied = this.chunk.copy(body, body.length - this.missing, this.position, this.end);
    this.position += copied;
    this.missing -= copied;
    if (this.missing > 0) return this.needMore();
    this.gatheredBody = undefined;
    return this.judgeBody(body);
  }

  private judgeBody(octets: Buffer): Outcome {
    try {
      this.body = readBody(this.type, octets, this.rules.receiver);
    } catch (error) {
      if (!(error instanceof BadBody)) throw error;
      return this.refuse({ code: WireError.BAD_BODY, message: error.message }, this.idHigh, this.idLow);
    }
    return this.found();
  }

  private skipBody(): Outcome {
    const skipped = Math.min(this.missing, this.end - this.position);
    this.position += skipped;
    this.missing -= skipped;
    if (this.missing === 0) return this.found();
    this.stage = IN_SKIPPED_BODY;
    return FRAME;
  }

  private found(): Outcome {
    this.stage = BOUNDARY;
    this.newlineAllowed = this.rules.receiver === 'server';
    return FRAME;
  }

  private refuse(fault: Fault, high: number, low: number): Outcome {
    this.stage = FINISHED;
    this.fault = fault;
    this.idHigh = high;
    this.idLow = low;
    this.body = undefined;
    this.offset = -1;
    this.chunk = nothing;
    return FAULT;
  }

  private needMore(): Outcome {
    this.chunk = nothing;
    this.body = undefined;
    return NEED_MORE;
  }
}

/** Four octets, big endian, as a signed number. */
function word(octets: Buffer, at: number): number {
  return (octets[at]! << 24) | (octets[at + 1]! << 16) | (octets[at + 2]! << 8) | octets[at + 3]!;
}
