import { BARE_LENGTH, FrameType, HEADER_BYTES, Scope, VERSION } from './codes.js';
import { rulesFor } from './header.js';

/** Reads four bytes, big-endian, as a signed number, which V8 stores without an allocation. */
export function word(bytes: Buffer, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** Fields of the second header word: version, type, flags and code. */
export const typeIn = (kind: number): number => (kind >>> 16) & 0xff;
export const flagsIn = (kind: number): number => (kind >>> 8) & 0xff;
export const codeIn = (kind: number): number => kind & 0xff;

// Defined in this module, because V8 inlines module constants but looks up imported ones on each use.
const bareLength = BARE_LENGTH;
const checkedBits = ~((0xff & ~rulesFor.server.unknownFlags[FrameType.PING]!) << 8);
const firstPing = (VERSION << 24) | (FrameType.PING << 16);
const lastPing = firstPing | Scope.STARTUP;

/**
 * Whether this is a valid bare PING, as nearly every frame to a server is: version 1, no unknown critical flag, a known
 * scope.
 */
export function isBarePing(length: number, kind: number): boolean {
  const checked = kind & checkedBits;
  return length === bareLength && checked >= firstPing && checked <= lastPing;
}

/** A header that is split across chunks, collected byte by byte in four words. */
export class SplitHeader {
  length = 0;
  kind = 0;
  idHigh = 0;
  idLow = 0;
  private bytes = 0;

  /** Whether the last byte completed the length, which can now be validated. */
  get hasJustLength(): boolean {
    return this.bytes === 4;
  }

  get isWhole(): boolean {
    return this.bytes === HEADER_BYTES;
  }

  clear(): void {
    this.bytes = 0;
  }

  /** A word has four bytes, so the bytes of an earlier header are shifted out. */
  take(byte: number): void {
    switch (this.bytes++ >> 2) {
      case 0:
        this.length = (this.length << 8) | byte;
        break;
      case 1:
        this.kind = (this.kind << 8) | byte;
        break;
      case 2:
        this.idHigh = (this.idHigh << 8) | byte;
        break;
      default:
        this.idLow = (this.idLow << 8) | byte;
    }
  }
}
