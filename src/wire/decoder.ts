import { BadBody, type FrameBody, readBody } from './bodies.js';
import { BARE_LENGTH, FrameType, HEADER_BYTES, WireError } from './codes.js';
import { type Fault, headerFault, lengthFault, type Receiver, type Rules, rulesFor, Treatment } from './header.js';
import { codeIn, flagsIn, isBarePing, SplitHeader, typeIn, word } from './words.js';

export const NEED_MORE = 0;
export const FRAME = 1;
export const FAULT = 2;
export type Outcome = typeof NEED_MORE | typeof FRAME | typeof FAULT;

/** Where in the stream the next octet stands. */
const BOUNDARY = 0;
/** A boundary where one newline is no harm: some probers append one to what they send. */
const BEHIND_FRAME = 1;
const IN_HEADER = 2;
const IN_BODY = 3;
const IN_SKIPPED_BODY = 4;
const FINISHED = 5;

const LINE_FEED = 0x0a;
// A name of this module, because V8 folds it and looks up an imported one each time.
const PING = FrameType.PING;
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

  /** Frames that did not lie bare and whole in a chunk and have begun: tells two unfinished ones apart. */
  begun = 0;

  private readonly rules: Rules;
  /** What the stage is when a frame is complete: only a server tolerates a newline. */
  private readonly behindFrame: number;
  private stage: number = BOUNDARY;
  private chunk: Buffer = nothing;
  private end = 0;
  private helloSeen = false;
  /** Made when a header is split for the first time: most connections never need it. */
  private header: SplitHeader | undefined = undefined;
  /** A body that is split over chunks. */
  private gatheredBody: Buffer | undefined = undefined;
  /** Octets that a body still lacks. */
  private missing = 0;

  constructor(receiver: Receiver) {
    this.rules = rulesFor[receiver];
    this.behindFrame = receiver === 'server' ? BEHIND_FRAME : BOUNDARY;
  }

  /** Octets of an unfinished frame have been consumed. */
  get inside(): boolean {
    return this.stage >= IN_HEADER && this.stage !== FINISHED;
  }

  /** Hands over the next chunk, after `next` has said NEED_MORE. It is not copied, and let go when it is consumed. */
  push(chunk: Buffer): void {
    this.chunk = chunk;
    this.position = 0;
    this.end = chunk.length;
  }

  /** Goes on at `position` of the chunk, a boundary: what stands before it has been answered in place. */
  skipTo(position: number): void {
    this.position = position;
  }

  /** Looks for the next frame. A frame whose body is skipped is found when its header is complete. */
  next(): Outcome {
    const at = this.position;
    if (this.stage > BEHIND_FRAME || this.end - at < HEADER_BYTES) return this.resume();
    const chunk = this.chunk;
    const kind = word(chunk, at + 4);
    if (!isBarePing(word(chunk, at), kind)) return this.resume();
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
        // It was told as a frame when its header was complete.
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
    this.begun++;
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
    if (fault) return this.refuse(fault, 0, 0);
    this.position = at + HEADER_BYTES;
    return this.judge(at, length, word(chunk, at + 4), word(chunk, at + 8), word(chunk, at + 12));
  }

  private gatherHeader(): Outcome {
    const header = this.header as SplitHeader;
    while (this.position < this.end) {
      header.take(this.chunk[this.position++]!);
      const fault = header.hasJustLength ? lengthFault(header.length) : undefined;
      if (fault) return this.refuse(fault, 0, 0);
      if (header.isWhole) return this.judge(-1, header.length, header.kind, header.idHigh, header.idLow);
    }
    return this.needMore();
  }

  /** A header is complete; `at` is where it starts in the chunk, or -1. `kind` is its second word. */
  private judge(at: number, length: number, kind: number, high: number, low: number): Outcome {
    const type = typeIn(kind);
    const flags = flagsIn(kind);
    const code = codeIn(kind);
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

  private validateBody(octets: Buffer): Outcome {
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
    this.stage = this.behindFrame;
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
