import { CheckFailure } from '../../health/reason.js';

/** Limits for the answer to a command: bytes, replies, array elements and nesting. */
const MAX_BYTES = 1024 ** 2;
const MAX_REPLIES = 16;
const MAX_ELEMENTS = 4096;
const MAX_DEPTH = 8;
/** Maximum length of a line, such as an error message, in bytes. */
const MAX_LINE_BYTES = 4096;

const LINE_FEED = 10;
const CRLF_BYTES = 2;
/** The types of RESP2. Other protocol versions are never requested. */
const types = '+-:$*';
/** First byte of a TLS alert or handshake record. */
const tlsRecords = '\x15\x16';

/**
 * Validates a server's replies before the driver reads them, because the driver allocates any announced length. Buffers
 * at most one line.
 */
export class RedisReplyGuard {
  private bytes = 0;
  private replies = 0;
  private elements = 0;
  /** The incomplete line so far. */
  private line = '';
  /** Bytes missing from a bulk string and its CRLF. */
  private bulk = 0;
  /** Number of missing elements of each incomplete array, outermost first. */
  private readonly arrays: number[] = [];

  /** Resets the counters when a command is sent. */
  reset(): void {
    this.bytes = 0;
    this.replies = 0;
    this.elements = 0;
  }

  /** @throws CheckFailure `protocol`, or `tls`, if the data is not a valid reply. */
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
    if (tlsRecords.includes(type)) throw new CheckFailure('tls', 'the server uses TLS: use rediss://');
    if (!types.includes(type)) throw new CheckFailure('protocol', 'not a Redis server: unexpected answer');
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
    if (!line.endsWith('\r\n')) throw new CheckFailure('protocol', 'a line of the answer does not end with CRLF');
    if (type !== '$' && type !== '*') return this.complete();
    const [, digits] = /^.(-1|\d{1,15})\r\n$/.exec(line) ?? [];
    if (digits === undefined) throw new CheckFailure('protocol', 'a length in the answer is not a number');
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
    if (this.arrays.push(length) > MAX_DEPTH) throw excess('nested arrays', MAX_DEPTH);
  }

  /** Completes an element, and every array whose last element it was. */
  private complete(): void {
    for (let last = this.arrays.length - 1; last >= 0; last--) {
      this.arrays[last] = (this.arrays[last] as number) - 1;
      if (this.arrays[last] !== 0) return;
      this.arrays.pop();
    }
    if (++this.replies > MAX_REPLIES) throw excess('replies', MAX_REPLIES);
  }
}

function excess(what: string, max: number): CheckFailure {
  return new CheckFailure('protocol', `the answer has more than ${max} ${what}`);
}
