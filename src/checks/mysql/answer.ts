import { CheckFailure } from '../../health/reason.js';

/** How much a server may send until it is asked again. */
export interface AnswerLimit {
  readonly bytes: number;
  /** Rows times columns are objects of the driver, however few bytes they take. */
  readonly packets: number;
}

/** Of a login, and of an answer of one row. */
export const SMALL_ANSWER: AnswerLimit = { bytes: 65_536, packets: 64 };
/** Of the state of a replica: some 60 columns, and a row for each of up to 256 channels with their sets of GTIDs. */
export const LARGE_ANSWER: AnswerLimit = { bytes: 4 * 1024 * 1024, packets: 512 };

/** A packet is three bytes of length, one of its number, and the rest. */
export const HEADER_BYTES = 4;

/**
 * Counts what a server sends before the driver reads it: MySQL allows a GiB
 * in a packet, and any number of packets, and the driver keeps them all.
 */
export class AnswerMeter {
  private limit = SMALL_ANSWER;
  private bytes = 0;
  private packets = 0;
  private headerBytes = 0;
  private length = 0;
  /** Octets of the current packet that have not come. */
  private missing = 0;

  /** Begins to count again; what is unread of a packet stays so. */
  expect(limit: AnswerLimit): void {
    this.limit = limit;
    this.bytes = 0;
    this.packets = 0;
  }

  /** Counts bytes of the server. @throws CheckFailure `protocol` where they, or a length that they announce, are tooLarge the limit. */
  take(chunk: Buffer): void {
    this.bytes += chunk.length;
    for (let at = 0; at < chunk.length; ) {
      const skipped = Math.min(this.missing, chunk.length - at);
      at += skipped;
      this.missing -= skipped;
      if (at < chunk.length) this.takeHeader(chunk[at++] as number);
    }
    if (this.bytes > this.limit.bytes) throw this.tooLarge(`${this.limit.bytes} bytes`);
  }

  private takeHeader(byte: number): void {
    if (this.headerBytes < HEADER_BYTES - 1) this.length |= byte << (8 * this.headerBytes);
    this.headerBytes++;
    if (this.headerBytes < HEADER_BYTES) return;
    this.missing = this.length;
    this.headerBytes = 0;
    this.length = 0;
    this.packets++;
    if (this.missing > this.limit.bytes) throw this.tooLarge(`${this.limit.bytes} bytes`);
    if (this.packets > this.limit.packets) throw this.tooLarge(`${this.limit.packets} packets`);
  }

  private tooLarge(limit: string): CheckFailure {
    return new CheckFailure('protocol', `the server sends more than the ${limit} that an answer may have`);
  }
}
