import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Turns } from '../turns.js';

/** Maximum number of bytes parsed in one job. */
export const READ_BYTES = 4096;
const WRITE_BYTES = 65_536;
/**
 * A request may be as short as 18 bytes, and the parser emits all requests of a chunk, so small chunks allow parsing to
 * stop early.
 */
const SLICE_BYTES = 256;
/** Maximum number of unanswered requests per connection. Browsers and load balancers send one at a time. */
export const MAX_UNANSWERED = 4;

/** Callbacks for state changes of a connection. */
export interface HttpConnectionEvents {
  /** The first bytes have arrived, so the connection must be passed to the HTTP parser. */
  serve(connection: HttpConnection): void;
  /** The first request of an idle connection has arrived. */
  busy(connection: HttpConnection): void;
  /** All requests have been answered. */
  idle(connection: HttpConnection): void;
  /** Output is queued and either the client has just read some of it, or nothing was queued before. */
  sending(connection: HttpConnection): void;
  /** The output queue is empty. */
  sent(connection: HttpConnection): void;
  /** The client pipelined more than `MAX_UNANSWERED` requests. */
  tooManyRequests(connection: HttpConnection): void;
  closed(connection: HttpConnection): void;
}

/**
 * The stream between a socket and Node's HTTP parser. It copies at most `READ_BYTES` of input, and pauses the socket
 * until that input has been parsed in a separate turn of the event loop. Large responses are written in parts. Turns of
 * the event loop therefore stay short, even with many requests in one read or many connections.
 */
export class HttpConnection extends Duplex {
  /** Read when the connection is accepted, because a closed socket has no address and would count as loopback. */
  readonly remoteAddress: string | undefined;
  unanswered = 0;
  private source: Socket | undefined;
  private input: Buffer | undefined;
  /** Number of bytes that may still be parsed in this job. */
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

  /** Starts reading from `source`: the socket itself, or the TLS socket on top of it. */
  open(source: Socket): void {
    this.source = source;
    source.on('data', (bytes: Buffer) => {
      source.pause();
      // Copied, because the buffer may be shared with other sockets.
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

  /** Counts a request. Returns false if the request exceeds the limit and must not be answered. */
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

  /** Called by Node after the last response. */
  destroySoon(): void {
    this.end(() => this.destroy());
  }

  // -- input -----------------------------------------------------------------

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

  // -- output ----------------------------------------------------------------

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

  private send(queued: readonly Buffer[], done: (error?: Error | null) => void): void {
    const source = this.source as Socket;
    const now: Buffer[] = [];
    const later: Buffer[] = [];
    let capacity = WRITE_BYTES;
    for (const bytes of queued) {
      if (capacity > 0) now.push(bytes.subarray(0, capacity));
      if (bytes.length > capacity) later.push(bytes.subarray(capacity));
      capacity = Math.max(0, capacity - bytes.length);
    }
    source.cork();
    now.forEach((bytes, index) => {
      if (index < now.length - 1) source.write(bytes);
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
