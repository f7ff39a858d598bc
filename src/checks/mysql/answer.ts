import { CheckFailure } from '../../health/reason.js';

/** Limits on a server's answer to one request. */
export interface AnswerLimit {
  readonly bytes: number;
  /** Each packet makes the driver allocate objects, even if the packet is small. */
  readonly packets: number;
}

/** For a login, or for an answer with one row. */
export const SMALL_ANSWER: AnswerLimit = { bytes: 65_536, packets: 64 };
/** For a replica's state, which has about 60 columns and up to 256 channels with their GTID sets. */
export const LARGE_ANSWER: AnswerLimit = { bytes: 4 * 1024 * 1024, packets: 512 };

/** Size of a packet header: a 3-byte length and a 1-byte sequence number. */
export const HEADER_BYTES = 4;

/**
 * Counts the data that a server sends before the driver reads it. MySQL allows 1 GiB per packet and any number of
 * packets, and the driver buffers all of them.
 */
export class AnswerMeter {
  private limit = SMALL_ANSWER;
  private bytes = 0;
  private packets = 0;
  private headerBytes = 0;
  private length = 0;
  /** Bytes missing from the current packet. */
  private missing = 0;

  /** Restarts the count for the next answer. A packet in progress continues. */
  expect(limit: AnswerLimit): void {
    this.limit = limit;
    this.bytes = 0;
    this.packets = 0;
  }

  /**
   * Counts received bytes.
   *
   * @throws CheckFailure `protocol` if the number of bytes, or an announced length, exceeds the limit.
   */
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
    return new CheckFailure('protocol', `the answer exceeds the limit of ${limit}`);
  }
}
