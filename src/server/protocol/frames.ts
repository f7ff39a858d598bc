import { type Answer, type Query, scopes, type Withdraw } from '../../health/health.js';
import type { HelloBody, PingBody, WatchBody } from '../../wire/bodies.js';
import { ErrorFlag, FrameType, HEADER_BYTES, PingFlag, Scope, WatchFlag, WireError } from '../../wire/codes.js';
import { Decoder, FAULT, NEED_MORE, UNLIMITED } from '../../wire/decoder.js';
import { encodeFrame } from '../../wire/encode.js';
import { answerInPlace } from '../../wire/in-place.js';
import { type Session, type SessionHost, type Violation, violations } from '../connection/session.js';
import type { CloseReason } from '../stats.js';
import { NegotiatedHello } from './negotiated.js';
import { NEEDS_REFRESH } from './responder.js';
import { Watches } from './watches.js';

/**
 * Maximum number of frames per turn of the event loop that need more than the cached answer. Other connections are
 * served next.
 */
const TURN_BUDGET = 256;
/** Memory per check name in a pending PING, in bytes. Counts toward `maxQueuedBytes`. */
const BYTES_PER_CHECK = 192;
/** Time in milliseconds until the token bucket of a peer that exceeded its rate is full again. */
const RETRY_AFTER_MS = 1000;

/** Close reasons of these ERRORs. All others are protocol errors. */
const closeReasonOf: Readonly<Record<number, CloseReason>> = {
  [WireError.UNAUTHENTICATED]: 'unauthenticated',
  [WireError.TOO_MANY_PINGS]: 'too-many-pings',
};

/** PINGs that wait for the same answer. */
interface PendingPings {
  readonly query: Query;
  readonly flags: number;
  /** The ids as pairs of high and low words. */
  readonly ids: readonly number[];
  readonly readAt: number;
  /** Number of bytes reserved for their reports and for the names of their checks. */
  readonly reserved: number;
  withdraw?: Withdraw;
}

/**
 * Binary mode (SPEC "Modes"). On the hot path, a bare PING with a cached answer becomes its PONG in place by changing
 * two bytes. All PONGs of one read are sent as one copy of that part of the buffer.
 */
export class BinarySession implements Session {
  readonly mode = 'binary';
  framesIn = 0;
  framesOut = 0;
  private readonly decoder = new Decoder('server');
  /** The chunk that has not been completely processed. */
  private chunk: Buffer | undefined = undefined;
  private pending: Set<PendingPings> | undefined = undefined;
  private watches: Watches | undefined = undefined;
  /** Bare PINGs of this turn without a cached answer: ids by scope, as pairs of high and low words. */
  private stale: number[][] | undefined = undefined;
  /** Number of these PINGs. */
  private deferred = 0;
  /** Id of the last PING that the server sent. */
  private pingId = 0;

  constructor(private readonly connection: SessionHost) {}

  get hasPartial(): boolean {
    return this.decoder.hasPartial;
  }

  get partialId(): number {
    return this.decoder.partialId;
  }

  get watching(): number {
    return this.watches?.size ?? 0;
  }

  push(chunk: Buffer): void {
    this.chunk = chunk;
    this.decoder.push(chunk);
  }

  keep(): void {
    if (this.chunk !== undefined) this.push(Buffer.from(this.chunk.subarray(this.decoder.position)));
  }

  proceed(now: number): void {
    const { chunk, decoder, connection } = this;
    if (chunk === undefined) return;
    const { bucket } = connection;
    const { batch, budget } = connection.shared.responder;
    const allowed = bucket ? bucket.available(now) : UNLIMITED;
    decoder.allowed = allowed;
    let slow = 0;
    let runStart = -1;
    let runEnd = -1;
    let { unauthorizedReason } = connection;
    batch.begin(now);

    while (!connection.isReadingStopped) {
      const outcome = decoder.next();
      if (outcome === NEED_MORE) {
        this.chunk = undefined;
        break;
      }
      const { offset } = decoder;
      if (offset >= 0 && unauthorizedReason === undefined && decoder.type === FrameType.PING && decoder.flags === 0) {
        const status = batch.status(decoder.code);
        if (status === NEEDS_REFRESH) {
          this.defer(decoder.code, now);
          continue;
        }
        chunk[offset + 5] = FrameType.PONG;
        chunk[offset + 7] = status;
        if (offset !== runEnd) {
          if (runEnd > 0) this.sendRun(chunk, runStart, runEnd);
          runStart = offset;
        }
        runEnd = offset + HEADER_BYTES;
        if (chunk.length - runEnd >= HEADER_BYTES) {
          runEnd = answerInPlace(chunk, runEnd, decoder.allowed, decoder.code, status);
          const more = (runEnd - decoder.position) / HEADER_BYTES;
          batch.answered(decoder.code, more);
          decoder.skipTo(runEnd, more);
        }
        continue;
      }
      if (runEnd > 0) this.sendRun(chunk, runStart, runEnd);
      runEnd = -1;
      if (outcome === FAULT) {
        const { code = WireError.INTERNAL, message = '' } = decoder.fault ?? {};
        this.askDeferred(now);
        this.closeWith(code, message, code === WireError.TOO_MANY_PINGS ? RETRY_AFTER_MS : undefined);
      } else {
        this.dispatch(now);
        unauthorizedReason = connection.unauthorizedReason;
        slow++;
        if (decoder.position < chunk.length && (slow === TURN_BUDGET || budget.isSpent())) connection.yieldTurn();
      }
    }

    if (runEnd > 0) this.sendRun(chunk, runStart, runEnd);
    this.askDeferred(now);
    const answered = batch.end();
    this.framesOut += answered;
    connection.onAnswered(answered);
    const frames = allowed - decoder.allowed;
    bucket?.take(frames);
    this.framesIn += frames;
  }

  /** Sends a copy of the PONGs in this part of the chunk, because the chunk is a view of a shared buffer. */
  private sendRun(chunk: Buffer, start: number, end: number): void {
    this.connection.sendCopy(start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end));
  }

  /** Defers a bare PING without a cached answer. All PINGs of a turn become one request. */
  private defer(scope: number, now: number): void {
    this.stale ??= scopes.map(() => []);
    (this.stale[scope] as number[]).push(this.decoder.idHigh, this.decoder.idLow);
    this.deferred++;
    this.askIfFull(now);
  }

  /** Deferred PINGs count toward the pending PING limit. */
  private askIfFull(now: number): void {
    if (this.deferred >= this.connection.capacity) this.askDeferred(now);
  }

  private askDeferred(now: number): void {
    const { stale } = this;
    if (stale === undefined) return;
    this.stale = undefined;
    this.deferred = 0;
    for (let scope = 0; scope < stale.length; scope++) {
      const ids = stale[scope] as number[];
      if (ids.length > 0) this.ask(this.connection.shared.responder.query(scope, 0, undefined), 0, ids, now);
    }
  }

  private dispatch(now: number): void {
    const { decoder, connection } = this;
    const { stats, responder } = connection.shared;
    const { unauthorizedReason } = connection;
    if (unauthorizedReason !== undefined && (decoder.type === FrameType.PING || decoder.type === FrameType.WATCH)) {
      return this.closeUnauthenticated(unauthorizedReason);
    }
    switch (decoder.type) {
      case FrameType.PING: {
        const body = decoder.body as PingBody | undefined;
        if (body?.own) this.answerOwn(body.checks?.[0] as string, now);
        else {
          const query = responder.query(decoder.code, decoder.flags, body);
          this.ask(query, decoder.flags, [decoder.idHigh, decoder.idLow], now);
          this.askIfFull(now);
        }
        if ((decoder.flags & PingFlag.CLOSE) !== 0) {
          this.askDeferred(now);
          this.watches?.endAll();
          connection.finish('answered');
        }
        return;
      }
      case FrameType.HELLO:
        return this.hello(decoder.body as HelloBody | undefined, now);
      case FrameType.PONG:
        if (!connection.hello?.heartbeat?.ponged(decoder.idHigh, decoder.idLow, now)) stats.ignoredFrames++;
        return;
      case FrameType.WATCH:
        return this.watch(decoder.body as WatchBody | undefined);
      default:
        // GOAWAY, ERROR and types that may be skipped.
        stats.ignoredFrames++;
    }
  }

  private send(frame: Buffer, frames = 1): void {
    this.framesOut += frames;
    this.connection.send(frame);
  }

  /** Sends one frame that consists of several buffers. */
  private sendParts(parts: readonly Buffer[]): void {
    this.framesOut++;
    for (const part of parts) this.connection.send(part);
  }

  private hello(hello: HelloBody | undefined, now: number): void {
    const { connection, decoder } = this;
    const { responder, settings, limits, tokens } = connection.shared;
    if (tokens && hello?.token !== undefined) {
      const digest = tokens.find(hello.token);
      if (!digest) return this.closeUnauthenticated('invalid token');
      connection.onAuthenticated(digest);
    }
    const { unauthorizedReason } = connection;
    if (unauthorizedReason !== undefined) return this.closeUnauthenticated(unauthorizedReason);
    connection.onHello(new NegotiatedHello(hello, settings.heartbeat, limits.idle, now));
    const { idHigh, idLow } = decoder;
    this.send(encodeFrame({ type: FrameType.HELLO, idHigh, idLow, body: responder.hello(settings.heartbeat) }));
  }

  private watch(body: WatchBody | undefined): void {
    const { decoder, connection } = this;
    const { idHigh, idLow, flags } = decoder;
    const { responder, settings } = connection.shared;
    const { maxWatches, maxWatchedSelections } = settings.limits;
    if ((flags & WatchFlag.CANCEL) !== 0) return this.watches?.cancel(idHigh, idLow);
    this.watches ??= new Watches(connection, (frame) => this.sendParts(frame));
    if (this.watches.size >= maxWatches && !this.watches.has(idHigh, idLow)) {
      return this.forbid(
        maxWatches === 0 ? 'WATCH is disabled on this server' : `limit of ${maxWatches} watches reached`,
      );
    }
    if (!this.watches.start(idHigh, idLow, flags, responder.selection(body))) {
      this.forbid(`limit of ${maxWatchedSelections} different watched selections reached`);
    }
  }

  private forbid(message: string): void {
    const { idHigh, idLow } = this.decoder;
    this.connection.report(message);
    this.send(this.error(WireError.FORBIDDEN, message, 0, idHigh, idLow));
  }

  flushUpdates(): boolean {
    return this.watches?.flushUpdates() ?? true;
  }

  cancelWatches(): void {
    this.watches?.endAll();
  }

  sendPing(now: number): void {
    const id = ++this.pingId;
    const { shared, hello } = this.connection;
    const body = shared.settings.heartbeat.pingData;
    hello?.heartbeat?.pinged(0, id, now);
    this.send(encodeFrame({ type: FrameType.PING, code: Scope.LIVENESS, idHigh: 0, idLow: id, ...(body && { body }) }));
  }

  private ask(query: Query, flags: number, ids: readonly number[], readAt: number): void {
    const { responder } = this.connection.shared;
    const report = (flags & PingFlag.DETAIL) === 0 ? 0 : responder.reportBytes;
    const reserved = report + (query.checks?.length ?? 0) * BYTES_PER_CHECK;
    const pings: PendingPings = { query, flags, ids, readAt, reserved };
    let answered = false;
    const withdraw = responder.health.ask(query, (answer) => {
      answered = true;
      this.answer(pings, answer);
    });
    if (answered) return;
    pings.withdraw = withdraw;
    this.pending ??= new Set();
    this.pending.add(pings);
    this.connection.addPending(ids.length / 2, reserved);
  }

  private answer(pings: PendingPings, answer: Answer): void {
    const { connection } = this;
    const { responder } = connection.shared;
    const { query, flags, ids, readAt, reserved } = pings;
    if (this.pending?.delete(pings)) connection.removePending(ids.length / 2, reserved);
    const detail = (flags & PingFlag.DETAIL) !== 0;
    if (detail) this.sendParts(responder.pongWithReport(answer, flags, ids, connection.mayDetail));
    else this.send(responder.pongs(answer, ids), ids.length / 2);
    responder.count(query.scope, answer, ids.length / 2, readAt);
    connection.onAnswered(ids.length / 2);
  }

  /** Answers immediately, regardless of the state of the service (SPEC "Own results"). */
  private answerOwn(check: string, readAt: number): void {
    const { connection, decoder } = this;
    const { responder } = connection.shared;
    const result = responder.health.own(check);
    this.send(responder.ownPong(result, decoder.idHigh, decoder.idLow));
    const { state, age = 0 } = result ?? { state: 'not-found' };
    responder.count('readiness', { state, age, late: false }, 1, readAt);
    connection.onAnswered(1);
  }

  settle(): void {
    const { health } = this.connection.shared.responder;
    for (const pings of [...(this.pending ?? [])]) {
      pings.withdraw?.();
      health.ask({ ...pings.query, timeout: 0 }, (answer) => this.answer(pings, answer));
    }
  }

  abandon(): void {
    this.watches?.endAll();
    for (const { withdraw, ids, reserved } of this.pending ?? []) {
      withdraw?.();
      this.connection.removePending(ids.length / 2, reserved);
    }
    this.pending = undefined;
  }

  /** Pending PINGs are still answered. A partial frame is dropped without an ERROR. */
  onFin(): void {
    this.watches?.endAll();
  }

  finalFrame(violation: Violation): Buffer {
    const { decoder } = this;
    switch (violation) {
      case 'idle':
        return this.error(WireError.IDLE, violations.idle, ErrorFlag.FATAL, 0, 0);
      case 'dead':
        return this.error(WireError.STALE_PEER, violations.dead, ErrorFlag.FATAL, 0, 0);
      case 'unauthenticated': {
        const why = this.connection.unauthorizedReason ?? '';
        return this.error(WireError.UNAUTHENTICATED, why, ErrorFlag.FATAL, 0, 0);
      }
      case 'stall':
        return this.error(WireError.SLOW_PEER, violations.stall, ErrorFlag.FATAL, 0, 0);
      case 'frame':
        return this.error(WireError.PROTOCOL, violations.frame, ErrorFlag.FATAL, decoder.idHigh, decoder.idLow);
    }
  }

  revoke(): void {
    const message = 'the token is no longer valid';
    this.connection.report(message, { level: 'info' });
    this.connection.close('unauthenticated', this.error(WireError.UNAUTHENTICATED, message, ErrorFlag.FATAL, 0, 0));
  }

  private closeUnauthenticated(message: string): void {
    this.askDeferred(this.connection.shared.clock.now());
    this.closeWith(WireError.UNAUTHENTICATED, message);
  }

  private closeWith(code: WireError, message: string, retryAfterMs?: number): void {
    const { decoder } = this;
    const reason = closeReasonOf[code] ?? 'protocol-error';
    const frame = this.error(code, message, ErrorFlag.FATAL, decoder.idHigh, decoder.idLow, retryAfterMs);
    // The message may contain a number from the frame, so the log groups by code.
    this.connection.report(message, { kind: `ERROR ${code}` });
    this.connection.close(reason, frame);
  }

  private error(
    code: WireError,
    message: string,
    flags: number,
    idHigh: number,
    idLow: number,
    retryAfterMs?: number,
  ): Buffer {
    const { errors } = this.connection.shared.stats;
    errors[code] = (errors[code] as number) + 1;
    const body = retryAfterMs === undefined ? { message } : { message, retryAfterMs };
    return encodeFrame({ type: FrameType.ERROR, flags, code, idHigh, idLow, body });
  }
}
