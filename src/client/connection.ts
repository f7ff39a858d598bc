import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../common/clock.js';
import { PongcheckError } from '../common/errors.js';
import type { Address } from '../net/address.js';
import type { ErrorBody, GoawayBody, HelloBody } from '../wire/bodies.js';
import { ErrorFlag, FrameType, PingFlag, Status, WatchFlag, WireError } from '../wire/codes.js';
import { Decoder, FAULT, NEED_MORE } from '../wire/decoder.js';
import { encodeFrame, type OutgoingFrame } from '../wire/encode.js';
import {
  busyFailure,
  type CloseReason,
  closedFailure,
  lossOf,
  protocolFailure,
  RefusedError,
  timeoutFailure,
} from './errors.js';
import { halvesOf, idOf, PendingRequests } from './pending-requests.js';
import type { Report } from './report.js';
import {
  type HelloOptions,
  helloRequest,
  type PingOptions,
  pingRequest,
  type Request,
  watchFrame,
} from './requests.js';
import { type Goaway, type Pong, readGoaway, readOwnPong, readPong } from './responses.js';
import { type Watch, Watches, type WatchOptions } from './watch.js';
import { WriteBatch } from './write-batch.js';

export interface ClientEvents {
  /** The connection was closed. `error` is the error of outstanding requests; absent if this program requested the close. */
  close: [reason: CloseReason, error?: PongcheckError];
  /** The server asked the client to close this connection. */
  goaway: [goaway: Goaway];
}

const pongCodes: ReadonlyMap<unknown, Status> = new Map([
  ['pass', Status.PASS],
  ['warn', Status.WARN],
  ['fail', Status.FAIL],
]);
/** Maximum number of unsent bytes, in case the server does not read. */
const MAX_UNSENT_BYTES = 1024 * 1024;
const TLS_ALERT = 'a TLS alert (this port requires TLS: use pongs://)';
const HTTP = 'HTTP (this is an HTTP port; PING uses 7464 by default)';
const CLOSE_TIMEOUT_MS = 1000;

/**
 * A `Client` without option validation. `pongcheck ping` has already validated its flags, and loading the validation
 * would delay its start.
 */
export class Connection extends EventEmitter<ClientEvents> {
  readonly address: Address;
  /** Counters of this connection. `latePongs` counts PONGs without an outstanding PING. */
  readonly stats = { pings: 0, pongs: 0, latePongs: 0, ignoredFrames: 0, bytesIn: 0, bytesOut: 0 };
  /** Monotonic time of the last received byte, in milliseconds. */
  receivedAt: number;
  /** Monotonic time of the last sent frame, in milliseconds. */
  sentAt: number;
  /**
   * Returns the status for PINGs from the server. If the function throws, the status is fail. If it returns another value,
   * such as a promise, the status is unknown.
   *
   * @default () => 'pass'
   */
  health: () => 'pass' | 'warn' | 'fail' = () => 'pass';
  /** The last GOAWAY from the server. */
  goaway: Goaway | undefined;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #maxInFlight: number;
  readonly #watches = new Watches();
  readonly #decoder = new Decoder('client');
  readonly #pending: PendingRequests;
  readonly #output: WriteBatch;
  /** The error for further requests; undefined while requests are accepted. */
  #ended: PongcheckError | undefined;
  /** Reason for the `close` event after a failure. */
  #reason: CloseReason | undefined;
  /** Reason for the `close` event if this program closes the connection. */
  #requestedReason: CloseReason = 'closed-by-application';
  #closing: Promise<void> | undefined;
  /** Destroys the connection at the monotonic time `#closeDeadline`. */
  #closeTimer: Timer;
  #closeDeadline = Number.POSITIVE_INFINITY;
  #unreferenced = false;

  /** @internal */
  get socket(): Socket {
    return this.#socket;
  }

  /** @internal `socket` must be connected. */
  constructor(address: Address, socket: Socket, clock: Clock, maxInFlight: number) {
    super();
    this.address = address;
    this.#socket = socket;
    this.#clock = clock;
    this.receivedAt = clock.now();
    this.sentAt = this.receivedAt;
    this.#maxInFlight = maxInFlight;
    this.#pending = new PendingRequests(clock, () => this.#becomeIdle());
    this.#output = new WriteBatch(socket);
    this.#decoder.helloSent = false;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('end', () => this.#onEnd());
    socket.on('error', (cause) => {
      const { reason, error } = lossOf(address, cause);
      this.#fail(reason, error);
    });
    socket.on('close', () => this.#emitClose());
  }

  /**
   * Sends a PING.
   *
   * @returns the PONG, regardless of its status.
   * @throws PongcheckError `PONGCHECK_TIMEOUT` (the connection stays open), `PONGCHECK_CLOSED`, `PONGCHECK_REFUSED`,
   *   `PONGCHECK_PROTOCOL`, `PONGCHECK_BUSY`, or `PONGCHECK_CONFIG` for invalid options; the abort reason if
   *   `options.signal` aborts.
   */
  async ping(options: PingOptions = {}): Promise<Pong> {
    const pong = this.#ping(options, this.#maxInFlight);
    if (options.close) this.#closeAfter(pong);
    return pong;
  }

  /**
   * @internal Sends a heartbeat PING. It is exempt from `maxInFlight`, so that a busy connection does not appear dead.
   */
  async beat(options: PingOptions): Promise<Pong> {
    return this.#ping(options, Number.POSITIVE_INFINITY);
  }

  /**
   * Sends a HELLO, once per connection. Afterwards, the server can send PINGs, which this client answers, and GOAWAY.
   *
   * @returns the HELLO of the server.
   * @throws PongcheckError with the codes of `ping`.
   */
  async hello(options: HelloOptions = {}): Promise<HelloBody> {
    const request = helloRequest(options);
    if (this.#decoder.helloSent)
      throw new PongcheckError('PONGCHECK_CONFIG', 'HELLO was already sent; allowed: one per connection');
    const answer = this.#request(request, (frame) => (frame.body ?? {}) as HelloBody, this.#maxInFlight);
    this.#decoder.helloSent = true;
    return answer;
  }

  /**
   * Watches the status: yields the current status, then each change.
   *
   * @returns an async iterable. Iteration throws `PONGCHECK_REFUSED` if the server permits no further watches, or the error
   *   with which the connection ended.
   * @throws PongcheckError `PONGCHECK_CLOSED`, `PONGCHECK_BUSY`, or `PONGCHECK_CONFIG` for invalid options.
   */
  watch(options: WatchOptions = {}): Watch {
    const frame = watchFrame(options);
    options.signal?.throwIfAborted();
    this.#throwIfClosedOrBusy(Number.POSITIVE_INFINITY);
    const id = this.#pending.nextId();
    const watch = this.#watches.add(id, options.signal, () => {
      if (!this.#ended) this.#send({ type: FrameType.WATCH, flags: WatchFlag.CANCEL, ...halvesOf(id) });
    });
    this.#send({ ...frame, ...halvesOf(id) });
    return watch;
  }

  /**
   * Closes the connection once all outstanding requests are answered, at the latest after `within` milliseconds (default
   * 1000). Requests that are still unanswered are rejected with `PONGCHECK_CLOSED`. If called several times, the earliest
   * deadline applies.
   *
   * @returns a promise that resolves once the socket is closed, and never rejects.
   */
  close(within: number = CLOSE_TIMEOUT_MS): Promise<void> {
    this.#ended ??= closedFailure(this.address, 'was closed by this program');
    this.#closing ??= new Promise((resolve) => {
      if (this.#socket.closed) return resolve();
      this.#socket.once('close', () => {
        this.#clock.clear(this.#closeTimer);
        resolve();
      });
      this.#socket.ref();
      if (this.#pending.size === 0) this.#endSocket();
    });
    this.#closeWithin(within);
    return this.#closing;
  }

  /** The error for further requests; undefined while requests are accepted. */
  get ended(): PongcheckError | undefined {
    return this.#ended;
  }

  /** Closes the connection immediately. Outstanding requests are rejected with `PONGCHECK_CLOSED`. */
  destroy(): void {
    this.#fail(this.#requestedReason, closedFailure(this.address, 'was closed by this program'));
  }

  /** @internal Closes the connection to a dead server: tries to send ERROR 13, and rejects outstanding requests. */
  terminate(description: string): void {
    const body = { message: description };
    const frame = {
      type: FrameType.ERROR,
      flags: ErrorFlag.FATAL,
      code: WireError.STALE_PEER,
      idHigh: 0,
      idLow: 0,
      body,
    };
    this.#send(frame);
    this.#output.flush();
    this.#fail('dead', closedFailure(this.address, `was closed because the server is dead: ${description}`));
  }

  /** Lets the process exit while this client is idle. An outstanding request still keeps the process alive. */
  unref(): this {
    this.#unreferenced = true;
    if (this.#pending.size === 0 && !this.#closing) this.#socket.unref();
    return this;
  }

  /** Reverts `unref`. */
  ref(): this {
    this.#unreferenced = false;
    this.#socket.ref();
    return this;
  }

  #ping(options: PingOptions, maxInFlight: number): Promise<Pong> {
    const read = options.own ? readOwnPong : readPong;
    const pong = this.#request(pingRequest(options), (frame, rtt) => this.#readPong(frame, rtt, read), maxInFlight);
    this.stats.pings++;
    return pong;
  }

  #readPong(frame: Decoder, rtt: number, read: typeof readPong): Pong {
    this.stats.pongs++;
    return read(frame.code, frame.flags, frame.body as Report | undefined, rtt);
  }

  #request<T>(
    { frame, answeredBy, responseTimeout, signal }: Request,
    read: (answer: Decoder, rtt: number) => T,
    maxInFlight: number,
  ): Promise<T> {
    signal?.throwIfAborted();
    this.#throwIfClosedOrBusy(maxInFlight);
    return new Promise((resolve, reject) => {
      const id = this.#pending.add({
        answeredBy,
        responseTimeout,
        signal,
        timeoutError: () => timeoutFailure(this.address, 'answer', responseTimeout),
        answer: (answer, rtt) => resolve(read(answer, rtt)),
        fail: reject,
      });
      if (this.#unreferenced) this.#socket.ref();
      this.#send({ ...frame, ...id });
    });
  }

  #throwIfClosedOrBusy(maxInFlight: number): void {
    if (this.#ended) throw this.#ended;
    if (this.#pending.size >= maxInFlight) {
      throw busyFailure(this.address, `has ${maxInFlight} outstanding requests; allowed: at most ${maxInFlight}`);
    }
    if (this.#output.unsentBytes > MAX_UNSENT_BYTES) {
      throw busyFailure(this.address, `does not read: ${this.#output.unsentBytes} bytes are unsent`);
    }
  }

  #send(frame: OutgoingFrame): void {
    const bytes = encodeFrame(frame);
    this.stats.bytesOut += bytes.length;
    this.sentAt = this.#clock.now();
    this.#output.push(bytes);
  }

  /** Accepts no more requests, because the server ignores everything after a PING with CLOSE. */
  #closeAfter(pong: Promise<Pong>): void {
    this.#ended ??= closedFailure(this.address, 'is closing: a PING with the option close was sent');
    this.#requestedReason = 'answered';
    const close = () => void this.close();
    pong.then(close, close);
  }

  #closeWithin(ms: number): void {
    const deadline = this.#clock.now() + ms;
    if (deadline >= this.#closeDeadline || this.#socket.closed) return;
    this.#closeDeadline = deadline;
    this.#clock.clear(this.#closeTimer);
    this.#closeTimer = this.#clock.after(ms, () => this.destroy());
  }

  #becomeIdle(): void {
    if (this.#closing) this.#endSocket();
    else if (this.#unreferenced) this.#socket.unref();
  }

  #endSocket(): void {
    if (this.#socket.destroyed) return;
    this.#output.flush();
    this.#socket.end();
    // All requests have been answered, so only the server's FIN is missing.
    this.#closeWithin(CLOSE_TIMEOUT_MS);
  }

  #read(chunk: Buffer): void {
    const decoder = this.#decoder;
    this.stats.bytesIn += chunk.length;
    this.receivedAt = this.#clock.now();
    decoder.push(chunk);
    while (!this.#socket.destroyed) {
      const result = decoder.next();
      if (result === NEED_MORE) return;
      if (result === FAULT) return this.#failProtocol(this.#otherProtocol(chunk) ?? decoder.fault?.message ?? '');
      this.#dispatch(decoder);
    }
  }

  /** Describes the other protocol that the first bytes belong to; undefined if it is not recognized. */
  #otherProtocol(chunk: Buffer): string | undefined {
    if (this.stats.bytesIn !== chunk.length) return undefined;
    if (chunk[0] === 0x15) return TLS_ALERT;
    return chunk.toString('latin1', 0, 5) === 'HTTP/' ? HTTP : undefined;
  }

  #dispatch(frame: Decoder): void {
    switch (frame.type) {
      case FrameType.PONG:
        if (!this.#pending.answer(frame)) this.stats.latePongs++;
        return;
      case FrameType.PING:
        return this.#answerPing(frame);
      case FrameType.ERROR:
        return this.#onError(frame);
      case FrameType.GOAWAY:
        this.goaway = readGoaway(frame.code, frame.body as GoawayBody | undefined);
        this.emit('goaway', this.goaway);
        return;
      case FrameType.STATUS:
        if (!this.#watches.update(frame)) this.stats.ignoredFrames++;
        return;
      default:
        if (frame.type === FrameType.HELLO && this.#pending.answer(frame)) return;
        this.stats.ignoredFrames++;
    }
  }

  #answerPing({ idHigh, idLow, flags }: Decoder): void {
    if (this.#output.unsentBytes > MAX_UNSENT_BYTES) return this.#failProtocol('PINGs without reading the PONGs');
    this.#send({ type: FrameType.PONG, code: this.#ownStatus(), idHigh, idLow });
    if (flags & PingFlag.CLOSE) void this.close();
  }

  #ownStatus(): Status {
    try {
      const status: unknown = this.health();
      // An async function may reject, and nothing else would handle the rejection.
      if (typeof status === 'object') Promise.resolve(status).catch(() => {});
      return pongCodes.get(status) ?? Status.UNKNOWN;
    } catch {
      return Status.FAIL;
    }
  }

  #onError(frame: Decoder): void {
    const error = new RefusedError(this.address, frame.code, frame.body as ErrorBody | undefined);
    if (frame.flags & ErrorFlag.FATAL) this.#fail('refused', error);
    else if (!this.#pending.fail(frame, error) && !this.#watches.fail(idOf(frame), error)) this.stats.ignoredFrames++;
  }

  #failProtocol(description: string): void {
    this.#fail('protocol-error', protocolFailure(this.address, description));
  }

  #onEnd(): void {
    if (this.#ended && this.#pending.size === 0) this.#fail(this.#requestedReason, this.#ended);
    else this.#fail('server-closed', closedFailure(this.address, 'was closed by the server'));
  }

  /** Closes the connection and rejects all outstanding requests with `error`. Only the first call has an effect. */
  #fail(reason: CloseReason, error: PongcheckError): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#ended = error;
    this.#socket.destroy();
    this.#pending.failAll(error);
    this.#watches.failAll(error);
  }

  #emitClose(): void {
    const reason = this.#reason ?? this.#requestedReason;
    if (reason === this.#requestedReason) this.emit('close', reason);
    else this.emit('close', reason, this.#ended);
  }
}
