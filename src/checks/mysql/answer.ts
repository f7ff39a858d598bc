import { CheckFailure } from '../../health/reason.js';

/** How much a server may send until it is asked again. */
export interface AnswerLimit {
  readonly octets: number;
  /** Rows times columns are objects of the driver, however few octets they take. */
  readonly packets: number;
}

/** Of a login, and of an answer of one row. */
export const SMALL_ANSWER: AnswerLimit = { octets: 65_536, packets: 64 };
/** Of the state of a replica: some 60 columns, and a row for each of up to 256 channels with their sets of GTIDs. */
export const LARGE_ANSWER: AnswerLimit = { octets: 4 * 1024 * 1024, packets: 512 };

/** A packet is three octets of length, one of its number, and the rest. */
export const HEADER_BYTES = 4;

/**
 * Counts what a server sends before the driver reads it: MySQL allows a GiB
 * in a packet, and any number of packets, and the driver keeps them all.
 */
export class AnswerMeter {
  private limit = SMALL_ANSWER;
  private octets = 0;
  private packets = 0;
  private headerOctets = 0;
  private length = 0;
  /** Octets of the current packet that have not come. */
  private missing = 0;

  /** Begins to count again; what is unread of a packet stays so. */
  expect(limit: AnswerLimit): void {
    this.limit = limit;
    this.octets = 0;
    this.packets = 0;
  }

  /** Counts octets of the server. @throws CheckFailure `protocol` where they, or a length that they announce, are beyond the limit. */
  take(chunk: Buffer): void {
    this.octets += chunk.length;
    for (let at = 0; at < chunk.length; ) {
      const skipped = Math.min(this.missing, chunk.length - at);
      at += skipped;
      this.missing -= skipped;
      if (at < chunk.length) this.takeHeader(chunk[at++] as number);
    }
    if (this.octets > this.limit.octets) throw this.beyond(`${this.limit.octets} octets`);
  }

  private takeHeader(octet: number): void {
    if (this.headerOctets < HEADER_BYTES - 1) this.length |= octet << (8 * this.headerOctets);
    this.headerOctets++;
    if (this.headerOctets < HEADER_BYTES) return;
    this.missing = this.length;
    this.headerOctets = 0;
    this.length = 0;
    this.packets++;
    if (this.missing > this.limit.octets) throw this.beyond(`${this.limit.octets} octets`);
    if (this.packets > this.limit.packets) throw this.beyond(`${this.limit.packets} packets`);
  }

  private beyond(most: string): CheckFailure {
    return new CheckFailure('protocol', `the server sends more than the ${most} that an answer may have`);
  }
}
