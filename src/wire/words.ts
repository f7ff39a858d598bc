import { BARE_LENGTH, FrameType, HEADER_BYTES, Scope, VERSION } from './codes.js';
import { rulesFor } from './header.js';

/** Four octets, big endian, as a signed number: V8 keeps it without allocating. */
export function word(octets: Buffer, at: number): number {
  return (octets[at]! << 24) | (octets[at + 1]! << 16) | (octets[at + 2]! << 8) | octets[at + 3]!;
}

/** The second word of a header: version, type, flags and code. */
export const typeIn = (kind: number): number => (kind >>> 16) & 0xff;
export const flagsIn = (kind: number): number => (kind >>> 8) & 0xff;
export const codeIn = (kind: number): number => kind & 0xff;

// Local names, because V8 folds a constant of the same module and looks up an imported one each time.
const bareLength = BARE_LENGTH;
const refusedBits = ~((0xff & ~rulesFor.server.unknownFlags[FrameType.PING]!) << 8);
const firstPing = (VERSION << 24) | (FrameType.PING << 16);
const lastPing = firstPing | Scope.STARTUP;

/**
 * A PING that no judge would refuse, which is what nearly every frame to a
 * server is: bare, version 1, no unknown critical flag, a scope that exists.
 */
export function isBarePing(length: number, kind: number): boolean {
  const judged = kind & refusedBits;
  return length === bareLength && judged >= firstPing && judged <= lastPing;
}

/** A header that is split over chunks, gathered octet by octet in its four words. */
export class SplitHeader {
  length = 0;
  kind = 0;
  idHigh = 0;
  idLow = 0;
  private octets = 0;

  /** The length is known and nothing behind it yet: the moment to judge it. */
  get hasJustLength(): boolean {
    return this.octets === 4;
  }

  get isWhole(): boolean {
    return this.octets === HEADER_BYTES;
  }

  clear(): void {
    this.octets = 0;
  }

  /** A word holds four octets, so that what it held of an earlier header is shifted out. */
  take(octet: number): void {
    switch (this.octets++ >> 2) {
      case 0:
        this.length = (this.length << 8) | octet;
        break;
      case 1:
        this.kind = (this.kind << 8) | octet;
        break;
      case 2:
        this.idHigh = (this.idHigh << 8) | octet;
        break;
      default:
        this.idLow = (this.idLow << 8) | octet;
    }
  }
}
