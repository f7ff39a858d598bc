import { CheckFailure } from '../../health/reason.js';

/** The most that a server may say after a command was sent: bytes, replies, elements of arrays, arrays in arrays. */
const MAX_BYTES = 1024 ** 2;
const MAX_REPLIES = 16;
const MAX_ELEMENTS = 4096;
const MAX_DEPTH = 8;
/** The longest line, such as that of an error. */
const MAX_LINE_BYTES = 4096;

const LINE_FEED = 10;
const CRLF_BYTES = 2;
/** The types of RESP2: we never ask for another version. */
const types = '+-:$*';
/** How a TLS record begins that answers what is none: an alert or a handshake. */
const tlsRecords = '\x15\x16';

/**
 * Follows the replies of a server by their headers, before the driver sees
 * them: that one makes room for any length that it reads. Keeps at most one line.
 */
export class RedisReplyGuard {
  private bytes = 0;
  private replies = 0;
  private elements = 0;
  /** What came of the line that is not complete. */
  private line = '';
  /** How much is still to come of a bulk string and its CRLF. */
  private bulk = 0;
  /** The arrays that are not complete, outermost first: how many elements each lacks. */
  private readonly arrays: number[] = [];

  /** A command is sent: what it may be answered counts from here. */
  reset(): void {
    this.bytes = 0;
    this.replies = 0;
    this.elements = 0;
  }

  /** @throws CheckFailure `protocol`, or `tls`, where no Redis would say this. */
  check(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.bytes > MAX_BYTES) throw excess('bytes', MAX_BYTES);
    for (let at = 0; at < chunk.length; ) at = this.bulk > 0 ? this.skip(chunk, at) : this.read(chunk, at);
  }

  private skip(chunk: Buffer, at: number): number {
    const part = Math.min(this.bulk, chunk.length - at);
    this.bulk -= part;
    if (this.bulk === 0) this.complete();
    return at + part;
  }

  private read(chunk: Buffer, at: number): number {
    const feed = chunk.indexOf(LINE_FEED, at);
    const end = feed < 0 ? chunk.length : feed + 1;
    const type = this.line.charAt(0) || String.fromCharCode(chunk[at] as number);
    if (tlsRecords.includes(type)) throw new CheckFailure('tls', 'the server speaks TLS: use rediss://');
    if (!types.includes(type)) throw new CheckFailure('protocol', 'the answer is not one of a Redis');
    if (this.line.length + end - at > MAX_LINE_BYTES) throw excess('bytes in a line', MAX_LINE_BYTES);
    this.line += chunk.toString('latin1', at, end);
    if (feed >= 0) {
      const { line } = this;
      this.line = '';
      this.header(line);
    }
    return end;
  }

  private header(line: string): void {
    const type = line.charAt(0);
    if (!line.endsWith('\r\n')) throw new CheckFailure('protocol', 'a line of the answer has no CRLF');
    if (type !== '$' && type !== '*') return this.complete();
    const [, digits] = /^.(-1|\d{1,15})\r\n$/.exec(line) ?? [];
    if (digits === undefined) throw new CheckFailure('protocol', 'a length in the answer is no number');
    const length = Number(digits);
    if (type === '$') {
      if (length > MAX_BYTES) throw excess('bytes', MAX_BYTES);
      if (length < 0) return this.complete();
      this.bulk = length + CRLF_BYTES;
      return;
    }
    this.elements += Math.max(0, length);
    if (this.elements > MAX_ELEMENTS) throw excess('elements', MAX_ELEMENTS);
    if (length <= 0) return this.complete();
    if (this.arrays.push(length) > MAX_DEPTH) throw excess('arrays in each other', MAX_DEPTH);
  }

  /** An element is complete, and with it each array of which it was the last. */
  private complete(): void {
    for (let last = this.arrays.length - 1; last >= 0; last--) {
      this.arrays[last] = (this.arrays[last] as number) - 1;
      if (this.arrays[last] !== 0) return;
      this.arrays.pop();
    }
    if (++this.replies > MAX_REPLIES) throw excess('replies', MAX_REPLIES);
  }
}

function excess(what: string, most: number): CheckFailure {
  return new CheckFailure('protocol', `the answer has more than ${most} ${what}`);
}
