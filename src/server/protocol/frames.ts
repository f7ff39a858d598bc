import { type Answer, type Query, scopes, type Withdraw } from '../../health/health.js';
import { RateBucket } from '../../liveness/token-bucket.js';
import type { HelloBody, PingBody, WatchBody } from '../../wire/bodies.js';
import { ErrorFlag, FrameType, HEADER_BYTES, PingFlag, Scope, WatchFlag, WireError } from '../../wire/codes.js';
import { Decoder, FAULT, NEED_MORE } from '../../wire/decoder.js';
import { encodeFrame } from '../../wire/encode.js';
import { answerInPlace } from '../../wire/in-place.js';
import { type Session, type SessionHost, type Violation, violations } from '../connection/session.js';
import type { CloseReason } from '../stats.js';
import { NegotiatedHello } from './negotiated.js';
import { NEEDS_REFRESH } from './responder.js';
import { Watches } from './watches.js';

/** Frames of one turn that take more than the standing answer; after them others have their turn. */
const TURN_BUDGET = 256;
/** What it takes to wait for one check by its name: the memory of a thousand long lists is bounded as output is. */
const BYTES_PER_CHECK = 192;
/** Milliseconds after which a peer that was closed for its rate finds a full bucket. */
const RETRY_AFTER = 1000;

/** Why a connection ends with one of these ERRORs; with all others the peer broke the protocol. */
const closeReasonOf: Readonly<Record<number, CloseReason>> = {
  [WireError.UNAUTHENTICATED]: 'unauthenticated',
  [WireError.TOO_MANY_PINGS]: 'too-many-pings',
};

/** PINGs that wait for the same answer. */
interface Waiting {
  readonly query: Query;
  readonly flags: number;
  /** Pairs of high and low. */
  readonly ids: readonly number[];
  readonly readAt: number;
  /** Octets set aside for their reports, and for the checks that they wait for. */
  readonly reserved: number;
  withdraw?: Withdraw;
}

/**
 * A connection that speaks frames. The common way: a bare PING whose answer
 * stands becomes its PONG where it lies, by patching two octets, and all of a
 * read leave as one copy of that slice.
 */
export class BinarySession implements Session {
  readonly mode = 'binary';
  judged = 0;
  sent = 0;
  private readonly decoder = new Decoder('server');
  private bucket: RateBucket | undefined;
  /** What was pushed and is not worked through. */
  private chunk: Buffer | undefined = undefined;
  private waiting: Set<Waiting> | undefined = undefined;
  private watches: Watches | undefined = undefined;
  /** Bare PINGs of this turn whose answer has to be asked for: by scope, pairs of high and low. */
  private stale: number[][] | undefined = undefined;
  private room = 0;
  /** Of the last PING of this server's own. */
  private pingId = 0;

  constructor(
    private readonly connection: SessionHost,
    now: number,
  ) {
    this.limitRate(now);
  }

  get inside(): boolean {
    return this.decoder.inside;
  }

  get begun(): number {
    return this.decoder.begun;
  }

  get watching(): number {
    return this.watches?.size ?? 0;
  }

  credit(ms: number, now: number): void {
    this.bucket?.credit(ms, now);
  }

  limitRate(now: number): void {
    this.bucket = RateBucket.of(this.connection.shared.settings.limits.pingsPerSecond, now, this.bucket);
  }

  push(chunk: Buffer): void {
    this.chunk = chunk;
    this.decoder.push(chunk);
  }

  keep(): void {
    if (this.chunk !== undefined) this.push(Buffer.from(this.chunk.subarray(this.decoder.position)));
  }

  proceed(now: number): void {
    const { chunk, decoder, connection, bucket } = this;
    if (chunk === undefined) return;
    const { turn, budget } = connection.shared.responder;
    const allowed = bucket ? bucket.available(now) : Number.POSITIVE_INFINITY;
    let judged = 0;
    let slow = 0;
    let runStart = -1;
    let runEnd = -1;
    let { unauthorizedReason } = connection;
    this.room = connection.room;
    turn.begin(now);

    while (!connection.held) {
      const found = decoder.next();
      if (found === NEED_MORE) {
        this.chunk = undefined;
        break;
      }
      judged++;
      const { offset } = decoder;
      if (
        offset >= 0 &&
        judged <= allowed &&
        unauthorizedReason === undefined &&
        decoder.type === FrameType.PING &&
        decoder.flags === 0
      ) {
        const status = turn.status(decoder.code);
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
          runEnd = answerInPlace(chunk, runEnd, allowed - judged, decoder.code, status);
          const more = (runEnd - decoder.position) / HEADER_BYTES;
          judged += more;
          turn.answered(decoder.code, more);
          decoder.skipTo(runEnd);
        }
        continue;
      }
      if (runEnd > 0) this.sendRun(chunk, runStart, runEnd);
      runEnd = -1;
      if (judged > allowed) {
        this.askDeferred(now);
        this.refuse(WireError.TOO_MANY_PINGS, 'more frames a second than this server allows', RETRY_AFTER);
      } else if (found === FAULT) {
        this.askDeferred(now);
        this.refuse(decoder.fault?.code ?? WireError.INTERNAL, decoder.fault?.message ?? '');
      } else {
        this.dispatch(now);
        unauthorizedReason = connection.unauthorizedReason;
        if (++slow === TURN_BUDGET || budget.isSpent()) connection.yieldTurn();
      }
    }

    if (runEnd > 0) this.sendRun(chunk, runStart, runEnd);
    this.askDeferred(now);
    const answered = turn.end();
    this.sent += answered;
    connection.answered(answered);
    bucket?.take(judged);
    this.judged += judged;
  }

  /** Sends the PONGs that lie in this part of the chunk: a copy of them, because the chunk is only lent. */
  private sendRun(chunk: Buffer, start: number, end: number): void {
    this.connection.send(Buffer.from(chunk.subarray(start, end)));
  }

  /** Keeps a bare PING whose answer is too old; all of a turn are asked for at once. */
  private defer(scope: number, now: number): void {
    this.stale ??= scopes.map(() => []);
    (this.stale[scope] as number[]).push(this.decoder.idHigh, this.decoder.idLow);
    if (--this.room <= 0) this.askDeferred(now);
  }

  private askDeferred(now: number): void {
    const { stale } = this;
    if (stale === undefined) return;
    this.stale = undefined;
    for (let scope = 0; scope < stale.length; scope++) {
      const ids = stale[scope] as number[];
      if (ids.length > 0) this.ask(this.connection.shared.responder.query(scope, 0, undefined), 0, ids, now);
    }
    this.room = this.connection.room;
  }

  private dispatch(now: number): void {
    const { decoder, connection } = this;
    const { stats, responder } = connection.shared;
    const { unauthorizedReason } = connection;
    if (unauthorizedReason !== undefined && (decoder.type === FrameType.PING || decoder.type === FrameType.WATCH)) {
      return this.refuseUnauthenticated(unauthorizedReason);
    }
    switch (decoder.type) {
      case FrameType.PING: {
        const query = responder.query(decoder.code, decoder.flags, decoder.body as PingBody | undefined);
        this.ask(query, decoder.flags, [decoder.idHigh, decoder.idLow], now);
        if ((decoder.flags & PingFlag.CLOSE) !== 0) {
          this.askDeferred(now);
          this.watches?.endAll();
          connection.finish('answered');
        }
        return;
      }
      case FrameType.HELLO:
        return this.greet(decoder.body as HelloBody | undefined, now);
      case FrameType.PONG:
        if (!connection.greeting?.heartbeat?.ponged(decoder.idHigh, decoder.idLow, now)) stats.ignoredFrames++;
        return;
      case FrameType.WATCH:
        return this.watch(decoder.body as WatchBody | undefined);
      default:
        // PONGs that nobody asked for, GOAWAYs, ERRORs and types that may be skipped.
        stats.ignoredFrames++;
    }
  }

  private send(frame: Buffer, frames = 1): void {
    this.sent += frames;
    this.connection.send(frame);
  }

  /** Sends one frame. */
  private sendParts(parts: readonly Buffer[]): void {
    this.sent++;
    for (const part of parts) this.connection.send(part);
  }

  private greet(hello: HelloBody | undefined, now: number): void {
    const { connection, decoder } = this;
    const { responder, settings, limits, tokens } = connection.shared;
    if (tokens && hello?.token !== undefined) {
      const digest = tokens.find(hello.token);
      if (!digest) return this.refuseUnauthenticated('the token is not a right one');
      connection.authenticated(digest);
    }
    const { unauthorizedReason } = connection;
    if (unauthorizedReason !== undefined) return this.refuseUnauthenticated(unauthorizedReason);
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
      return this.forbid(maxWatches === 0 ? 'this server offers no WATCH' : `${maxWatches} watches are open already`);
    }
    if (!this.watches.start(idHigh, idLow, flags, responder.selection(body))) {
      this.forbid(`${maxWatchedSelections} different selections of checks are watched already`);
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
    const { shared, greeting } = this.connection;
    const body = shared.settings.heartbeat.pingData;
    greeting?.heartbeat?.pinged(0, id, now);
    this.send(encodeFrame({ type: FrameType.PING, code: Scope.LIVENESS, idHigh: 0, idLow: id, ...(body && { body }) }));
  }

  private ask(query: Query, flags: number, ids: readonly number[], readAt: number): void {
    const { responder } = this.connection.shared;
    const report = (flags & PingFlag.DETAIL) === 0 ? 0 : responder.reportBytes;
    const reserved = report + (query.checks?.length ?? 0) * BYTES_PER_CHECK;
    const waiting: Waiting = { query, flags, ids, readAt, reserved };
    let answered = false;
    const withdraw = responder.health.ask(query, (answer) => {
      answered = true;
      this.answer(waiting, answer);
    });
    if (answered) return;
    waiting.withdraw = withdraw;
    this.waiting ??= new Set();
    this.waiting.add(waiting);
    this.connection.wait(ids.length / 2, reserved);
  }

  private answer(waiting: Waiting, answer: Answer): void {
    const { connection } = this;
    const { responder } = connection.shared;
    const { query, flags, ids, readAt, reserved } = waiting;
    if (this.waiting?.delete(waiting)) connection.waited(ids.length / 2, reserved);
    const detail = (flags & PingFlag.DETAIL) !== 0;
    if (detail) this.sendParts(responder.pongWithReport(answer, flags, ids, connection.mayDetail));
    else this.send(responder.pongs(answer, ids), ids.length / 2);
    responder.count(query.scope, answer, ids.length / 2, readAt);
    connection.answered(ids.length / 2);
  }

  settle(): void {
    const { health } = this.connection.shared.responder;
    for (const waiting of [...(this.waiting ?? [])]) {
      waiting.withdraw?.();
      health.ask({ ...waiting.query, timeout: 0 }, (answer) => this.answer(waiting, answer));
    }
  }

  abandon(): void {
    this.watches?.endAll();
    for (const { withdraw, ids, reserved } of this.waiting ?? []) {
      withdraw?.();
      this.connection.waited(ids.length / 2, reserved);
    }
    this.waiting = undefined;
  }

  /** FIN inside a frame: what was asked is answered, the rest is dropped without an ERROR. */
  ended(): void {
    this.watches?.endAll();
  }

  finalFrame(limit: Violation): Buffer {
    const { decoder } = this;
    switch (limit) {
      case 'idle':
        return this.error(WireError.IDLE, violations.idle, ErrorFlag.FATAL, 0, 0);
      case 'dead':
        return this.error(WireError.STALE_PEER, violations.dead, ErrorFlag.FATAL, 0, 0);
      case 'unauthorizedReason': {
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
    const message = 'the token that was shown is not a right one any more';
    this.connection.report(message, { level: 'info' });
    this.connection.close('unauthenticated', this.error(WireError.UNAUTHENTICATED, message, ErrorFlag.FATAL, 0, 0));
  }

  private refuseUnauthenticated(message: string): void {
    this.askDeferred(this.connection.shared.clock.now());
    this.refuse(WireError.UNAUTHENTICATED, message);
  }

  private refuse(code: WireError, message: string, retryAfterMs?: number): void {
    const { decoder } = this;
    const reason = closeReasonOf[code] ?? 'protocol-error';
    const frame = this.error(code, message, ErrorFlag.FATAL, decoder.idHigh, decoder.idLow, retryAfterMs);
    // A sentence may tell the number that was found: what counts as the same is the code.
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
