import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Turns } from '../turns.js';

/** The most that is parsed, and the most that is written, in one job. */
export const READ_BYTES = 4096;
const WRITE_BYTES = 65_536;
/** The parser makes a request of each 18 bytes, whatever becomes of the one before: it is given so few that it is stopped soon. */
const SLICE_BYTES = 256;
/** Requests of one connection without an answer; browsers and load balancers send one at a time. */
export const MAX_UNANSWERED = 4;

/** Why the server closed a connection: a closed list, because it is a metric label. */
export interface HttpConnectionEvents {
  /** The first bytes have come: HTTP is to be spoken from now on. */
  serve(connection: HttpConnection): void;
  /** A request has come, and the connection was not busy before. */
  busy(connection: HttpConnection): void;
  /** All requests are answered. */
  idle(connection: HttpConnection): void;
  /** Output waits for the client, and the client took some of it just now. */
  sending(connection: HttpConnection): void;
  /** No output waits any more. */
  sent(connection: HttpConnection): void;
  /** More requests came without waiting for an answer than are allowed. */
  tooManyRequests(connection: HttpConnection): void;
  closed(connection: HttpConnection): void;
}

/**
 * A connection as Node's HTTP server takes it: a stream between its parser and the socket. What comes is copied, at most
 * `READ_BYTES`, and the socket is not read any further until that has been parsed in a turn of its own; large answers are
 * written in parts. So neither many requests in one read nor many connections at once make a long turn of the loop.
 */
export class HttpConnection extends Duplex {
  /** Taken when it was accepted: a socket that is closed meanwhile has none, as if it were local. */
  readonly remoteAddress: string | undefined;
  unanswered = 0;
  private source: Socket | undefined;
  private input: Buffer | undefined;
  /** What may still be parsed in this job. */
  private allowance = 0;
  private isServed = false;

  constructor(
    readonly raw: Socket,
    private readonly turns: Turns,
    private readonly events: HttpConnectionEvents,
  ) {
    super({ readableHighWaterMark: SLICE_BYTES });
    this.remoteAddress = raw.remoteAddress;
    raw.on('error', () => {});
    raw.on('close', () => this.destroy());
  }

  /** Begins to read; `source` is the socket itself, or what TLS makes of it. */
  open(source: Socket): void {
    this.source = source;
    source.on('data', (bytes: Buffer) => {
      source.pause();
      // It may be a buffer that others share.
      this.input = Buffer.from(bytes);
      this.turns.run(this.parse);
    });
    source.on('end', () => {
      if (this.isServed) this.push(null);
      else this.destroy();
    });
    if (source === this.raw) return;
    source.on('error', () => {});
    source.on('close', () => this.destroy());
  }

  /** Counts a request; false: it must not be answered, there are too many. */
  accepts(response: ServerResponse): boolean {
    if (this.destroyed) return false;
    if (this.unanswered === MAX_UNANSWERED) {
      this.events.tooManyRequests(this);
      return false;
    }
    if (this.unanswered++ === 0) this.events.busy(this);
    response.on('close', () => {
      if (--this.unanswered === 0 && !this.destroyed) this.events.idle(this);
    });
    return true;
  }

  /** What Node calls at the end of the last answer. */
  destroySoon(): void {
    this.end(() => this.destroy());
  }

  // -- from the client -------------------------------------------------------

  override _read(): void {
    if (!this.input) this.source?.resume();
    else if (this.allowance > 0) this.pushSlice(this.input);
    else this.turns.run(this.parse);
  }

  private readonly parse = (): void => {
    if (!this.input || this.destroyed) return;
    if (!this.isServed) {
      this.isServed = true;
      this.events.serve(this);
    }
    this.allowance = READ_BYTES;
    this.pushSlice(this.input);
  };

  private pushSlice(input: Buffer): void {
    const slice = input.subarray(0, SLICE_BYTES);
    this.allowance -= slice.length;
    this.input = input.length > slice.length ? input.subarray(slice.length) : undefined;
    this.push(slice);
  }

  // -- to the client ---------------------------------------------------------

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.events.sending(this);
    this.send([bytes], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.events.sending(this);
    this.send(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  private send(waiting: readonly Buffer[], done: (error?: Error | null) => void): void {
    const source = this.source as Socket;
    const now: Buffer[] = [];
    const later: Buffer[] = [];
    let room = WRITE_BYTES;
    for (const bytes of waiting) {
      if (room > 0) now.push(bytes.subarray(0, room));
      if (bytes.length > room) later.push(bytes.subarray(room));
      room = Math.max(0, room - bytes.length);
    }
    source.cork();
    now.forEach((bytes, at) => {
      if (at < now.length - 1) source.write(bytes);
      else source.write(bytes, (error) => this.written(error, later, done));
    });
    source.uncork();
  }

  private written(
    error: Error | null | undefined,
    later: readonly Buffer[],
    done: (error?: Error | null) => void,
  ): void {
    if (error || this.destroyed) return done(error);
    if (later.length === 0) {
      this.events.sent(this);
      return done();
    }
    this.events.sending(this);
    this.turns.run(() => this.send(later, done));
  }

  override _final(done: () => void): void {
    if (this.source) this.source.end(done);
    else done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.source?.destroy();
    this.raw.destroy();
    this.events.closed(this);
    done(error);
  }
}
