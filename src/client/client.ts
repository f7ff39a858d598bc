import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../common/clock.js';
import { PongcheckError } from '../common/errors.js';
import type { Address } from '../net/address.js';
import type { ErrorBody, GoawayBody, HelloBody } from '../wire/bodies.js';
import { ErrorFlag, FrameType, PingFlag, Status, WatchFlag, WireError } from '../wire/codes.js';
import { Decoder, FAULT, NEED_MORE } from '../wire/decoder.js';
import { encodeFrame, type OutgoingFrame } from '../wire/encode.js';
import { onAbort } from './abort.js';
import {
  busyFailure,
  type CloseReason,
  closedFailure,
  lossOf,
  protocolFailure,
  RefusedError,
  timeoutFailure,
} from './errors.js';
import { type Goaway, readGoaway } from './goaway.js';
import { Outbox } from './outbox.js';
import { halvesOf, idOf, Waiting } from './pending-requests.js';
import { type Pong, readPong } from './pong.js';
import type { Report } from './report.js';
import {
  type HelloOptions,
  helloRequest,
  type PingOptions,
  pingRequest,
  type Request,
  watchFrame,
} from './requests.js';
import { Watch, type WatchOptions } from './watch.js';

export interface ClientEvents {
  /** The connection has ended; `error` is what waiting questions were rejected with, unless the end was asked for. */
  close: [reason: CloseReason, error?: PongcheckError];
  goaway: [goaway: Goaway];
}

const pongCodes = { pass: Status.PASS, warn: Status.WARN, fail: Status.FAIL } as const;
/** Octets that may wait for a server which does not read. */
const MAX_UNSENT = 1024 * 1024;
const TLS_ALERT = 'an alert of TLS, which is spoken there: pongs:// is for that';
const HTTP = 'HTTP, which has another port';
/** How long `close()` waits for answers and the server's FIN, in milliseconds. */
const CLOSE_LIMIT = 1000;

/** One connection to a responder. Any number of questions may be on their way at once; answers come in any order. */
export class Client extends EventEmitter<ClientEvents> {
  readonly address: Address;
  /** What this connection has seen; `latePongs` came after their PING was given up, or were never asked for. */
  readonly stats = { pings: 0, pongs: 0, latePongs: 0, ignoredFrames: 0, bytesIn: 0, bytesOut: 0 };
  /** Monotonic moments, in milliseconds, at which the last octet came and the last frame left. */
  receivedAt: number;
  sentAt: number;
  /** What a PING of the server is answered with; fail if it throws. Default: pass, because that it is answered is the answer. */
  health: () => 'pass' | 'warn' | 'fail' = () => 'pass';
  /** What the server said when it asked to be left. */
  goaway: Goaway | undefined;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #maxInFlight: number;
  readonly #watches = new Map<number, Watch>();
  readonly #decoder = new Decoder('client');
  readonly #waiting: Waiting;
  readonly #outbox: Outbox;
  /** Why nothing more can be asked. */
  #ended: PongcheckError | undefined;
  /** What the event `close` will say: once it is certain, and if the end comes as wanted. */
  #reason: CloseReason | undefined;
  #wanted: CloseReason = 'closed-by-application';
  #closing: Promise<void> | undefined;
  /** The end of what `close` waits for, and when that is. */
  #closeLimit: Timer;
  #closeBy = Number.POSITIVE_INFINITY;
  #unreferenced = false;
  #saidHello = false;

  /** @internal What it goes over, to be asked what it is. */
  get socket(): Socket {
    return this.#socket;
  }

  /** Made by `connect`, around a socket that is connected. */
  constructor(address: Address, socket: Socket, clock: Clock, maxInFlight: number) {
    super();
    this.address = address;
    this.#socket = socket;
    this.#clock = clock;
    this.receivedAt = clock.now();
    this.sentAt = this.receivedAt;
    this.#maxInFlight = maxInFlight;
    this.#waiting = new Waiting(clock, () => this.#becomeIdle());
    this.#outbox = new Outbox(socket);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('end', () => this.#serverEnded());
    socket.on('error', (cause) => {
      const { reason, error } = lossOf(address, cause);
      this.#lose(reason, error);
    });
    socket.on('close', () => this.#emitClose());
  }

  /**
   * Asks, and resolves with what the responder says, be it good or bad. Rejects with PONGCHECK_TIMEOUT (the connection
   * stays), PONGCHECK_CLOSED, PONGCHECK_REFUSED, PONGCHECK_PROTOCOL, PONGCHECK_BUSY, PONGCHECK_CONFIG for wrong
   * options, or the reason of `options.signal`.
   */
  async ping(options: PingOptions = {}): Promise<Pong> {
    const pong = this.#ping(options, this.#maxInFlight);
    if (options.close) this.#closeAfter(pong);
    return pong;
  }

  /** @internal A PING of the heartbeat: it leaves however many questions wait, or their number would look like death. */
  async beat(options: PingOptions): Promise<Pong> {
    return this.#ping(options, Number.POSITIVE_INFINITY);
  }

  /**
   * Introduces this client, once a connection, and resolves with what the server says of itself. From then on the
   * server may send PINGs, which are answered, and GOAWAY. Rejects as `ping` does.
   */
  async hello(options: HelloOptions = {}): Promise<HelloBody> {
    const question = helloRequest(options);
    if (this.#saidHello) throw new PongcheckError('PONGCHECK_CONFIG', 'A HELLO was said; one a connection is allowed');
    const answer = this.#ask(question, (frame) => (frame.body ?? {}) as HelloBody, this.#maxInFlight);
    this.#saidHello = true;
    return answer;
  }

  /**
   * Watches: says what is known now, and at each change what is known then, until it is ended. Throws PONGCHECK_CLOSED,
   * PONGCHECK_BUSY, or PONGCHECK_CONFIG for wrong options; its iteration throws PONGCHECK_REFUSED where the server
   * allows no (more) watches, or why the connection ended.
   */
  watch(options: WatchOptions = {}): Watch {
    const frame = watchFrame(options);
    options.signal?.throwIfAborted();
    this.#throwIfClosedOrBusy(Number.POSITIVE_INFINITY);
    const id = this.#waiting.nextId();
    const stopListening = onAbort(options.signal, () => watch.end());
    const watch: Watch = new Watch(() => {
      stopListening();
      if (this.#watches.delete(id) && !this.#ended) {
        this.#send({ type: FrameType.WATCH, flags: WatchFlag.CANCEL, ...halvesOf(id) });
      }
    });
    this.#watches.set(id, watch);
    this.#send({ ...frame, ...halvesOf(id) });
    return watch;
  }

  /**
   * Ends the connection when all that was asked is answered, at the latest after `within` milliseconds (default 1000;
   * of several calls the earliest end holds); what is unanswered then is rejected with PONGCHECK_CLOSED. Resolves when
   * the socket is closed, never rejects.
   */
  close(within: number = CLOSE_LIMIT): Promise<void> {
    this.#ended ??= closedFailure(this.address, 'was closed by this program');
    this.#closing ??= new Promise((resolve) => {
      if (this.#socket.closed) return resolve();
      this.#socket.once('close', () => {
        this.#clock.clear(this.#closeLimit);
        resolve();
      });
      this.#socket.ref();
      if (this.#waiting.size === 0) this.#endSocket();
    });
    this.#closeWithin(within);
    return this.#closing;
  }

  /** Why nothing more can be asked; undefined as long as it can. */
  get ended(): PongcheckError | undefined {
    return this.#ended;
  }

  /** Ends the connection at once; what is unanswered is rejected with PONGCHECK_CLOSED. */
  destroy(): void {
    this.#lose(this.#wanted, closedFailure(this.address, 'was closed by this program'));
  }

  /** Ends the connection because the server is dead: ERROR 13, best effort, and whatever waits is rejected. */
  convict(description: string): void {
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
    this.#outbox.flush();
    this.#lose('dead', closedFailure(this.address, `was given up: ${description}`));
  }

  /** Lets the process end while this client is idle; a question that waits keeps it alive all the same. */
  unref(): this {
    this.#unreferenced = true;
    if (this.#waiting.size === 0 && !this.#closing) this.#socket.unref();
    return this;
  }

  /** Takes back `unref`. */
  ref(): this {
    this.#unreferenced = false;
    this.#socket.ref();
    return this;
  }

  #ping(options: PingOptions, maxInFlight: number): Promise<Pong> {
    const pong = this.#ask(pingRequest(options), (frame, rtt) => this.#takePong(frame, rtt), maxInFlight);
    this.stats.pings++;
    return pong;
  }

  #takePong(frame: Decoder, rtt: number): Pong {
    this.stats.pongs++;
    return readPong(frame.code, frame.flags, frame.body as Report | undefined, rtt);
  }

  #ask<T>(
    { frame, answeredBy, responseTimeout, signal }: Request,
    read: (answer: Decoder, rtt: number) => T,
    maxInFlight: number,
  ): Promise<T> {
    signal?.throwIfAborted();
    this.#throwIfClosedOrBusy(maxInFlight);
    return new Promise((resolve, reject) => {
      const id = this.#waiting.add({
        answeredBy,
        responseTimeout,
        signal,
        late: () => timeoutFailure(this.address, 'answer', responseTimeout),
        answer: (answer, rtt) => resolve(read(answer, rtt)),
        fail: reject,
      });
      if (this.#unreferenced) this.#socket.ref();
      this.#send({ ...frame, ...id });
    });
  }

  #throwIfClosedOrBusy(maxInFlight: number): void {
    if (this.#ended) throw this.#ended;
    if (this.#waiting.size >= maxInFlight) {
      throw busyFailure(this.address, `has ${maxInFlight} questions to answer; more are not allowed`);
    }
    if (this.#outbox.unsent > MAX_UNSENT) {
      throw busyFailure(this.address, `does not read: ${this.#outbox.unsent} octets wait for it`);
    }
  }

  #send(frame: OutgoingFrame): void {
    const octets = encodeFrame(frame);
    this.stats.bytesOut += octets.length;
    this.sentAt = this.#clock.now();
    this.#outbox.push(octets);
  }

  /** After a PING with CLOSE the server ignores whatever comes. */
  #closeAfter(pong: Promise<Pong>): void {
    this.#ended ??= closedFailure(this.address, 'ends with a PING that asked for it');
    this.#wanted = 'answered';
    const close = () => void this.close();
    pong.then(close, close);
  }

  #closeWithin(ms: number): void {
    const by = this.#clock.now() + ms;
    if (by >= this.#closeBy || this.#socket.closed) return;
    this.#closeBy = by;
    this.#clock.clear(this.#closeLimit);
    this.#closeLimit = this.#clock.after(ms, () => this.destroy());
  }

  #becomeIdle(): void {
    if (this.#closing) this.#endSocket();
    else if (this.#unreferenced) this.#socket.unref();
  }

  #endSocket(): void {
    if (this.#socket.destroyed) return;
    this.#outbox.flush();
    this.#socket.end();
  }

  #read(chunk: Buffer): void {
    const decoder = this.#decoder;
    this.stats.bytesIn += chunk.length;
    this.receivedAt = this.#clock.now();
    decoder.push(chunk);
    while (!this.#socket.destroyed) {
      const found = decoder.next();
      if (found === NEED_MORE) return;
      if (found === FAULT) return this.#loseToNonsense(this.#otherProtocol(chunk) ?? decoder.fault?.message ?? '');
      this.#dispatch(decoder);
    }
  }

  /** What the first that came is, where it is known. */
  #otherProtocol(chunk: Buffer): string | undefined {
    if (this.stats.bytesIn !== chunk.length) return undefined;
    if (chunk[0] === 0x15) return TLS_ALERT;
    return chunk.toString('latin1', 0, 5) === 'HTTP/' ? HTTP : undefined;
  }

  #dispatch(frame: Decoder): void {
    switch (frame.type) {
      case FrameType.PONG:
        if (!this.#waiting.answer(frame)) this.stats.latePongs++;
        return;
      case FrameType.PING:
        return this.#answerPing(frame);
      case FrameType.ERROR:
        return this.#takeError(frame);
      case FrameType.GOAWAY:
        this.goaway = readGoaway(frame.code, frame.body as GoawayBody | undefined);
        this.emit('goaway', this.goaway);
        return;
      case FrameType.STATUS: {
        // One may be on its way when its watch is ended.
        const watch = this.#watches.get(idOf(frame));
        if (watch) watch.take(frame);
        else this.stats.ignoredFrames++;
        return;
      }
      default:
        if (frame.type === FrameType.HELLO && this.#waiting.answer(frame)) return;
        this.stats.ignoredFrames++;
    }
  }

  /** The server looks whether this side lives: that it answers is the answer. */
  #answerPing({ idHigh, idLow, flags }: Decoder): void {
    if (this.#outbox.unsent > MAX_UNSENT) return this.#loseToNonsense('PINGs whose PONGs it does not read');
    this.#send({ type: FrameType.PONG, code: this.#ownStatus(), idHigh, idLow });
    if (flags & PingFlag.CLOSE) void this.close();
  }

  #ownStatus(): Status {
    try {
      return pongCodes[this.health()] ?? Status.UNKNOWN;
    } catch {
      return Status.FAIL;
    }
  }

  #takeError(frame: Decoder): void {
    const error = new RefusedError(this.address, frame.code, frame.body as ErrorBody | undefined);
    if (frame.flags & ErrorFlag.FATAL) this.#lose('refused', error);
    else if (!this.#waiting.fail(frame, error) && !this.#failWatch(idOf(frame), error)) this.stats.ignoredFrames++;
  }

  #failWatch(id: number, error: PongcheckError): boolean {
    const watch = this.#watches.get(id);
    this.#watches.delete(id);
    watch?.over(error);
    return watch !== undefined;
  }

  #loseToNonsense(description: string): void {
    this.#lose('protocol-error', protocolFailure(this.address, description));
  }

  #serverEnded(): void {
    if (this.#ended && this.#waiting.size === 0) this.#lose(this.#wanted, this.#ended);
    else this.#lose('server-closed', closedFailure(this.address, 'was closed by the server'));
  }

  /** The end: whatever waits is rejected with `error`. The first reason stays. */
  #lose(reason: CloseReason, error: PongcheckError): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#ended = error;
    this.#socket.destroy();
    this.#waiting.failAll(error);
    for (const id of [...this.#watches.keys()]) this.#failWatch(id, error);
  }

  #emitClose(): void {
    const reason = this.#reason ?? this.#wanted;
    if (reason === this.#wanted) this.emit('close', reason);
    else this.emit('close', reason, this.#ended);
  }
}
