import type { Socket } from 'node:net';
import { callSafely } from '../../common/call-safely.js';
import type { Sweepable } from '../../liveness/sweeper.js';
import type { TimeLimit } from '../../liveness/time-limit.js';
import { mayDetail } from '../../net/access.js';
import { wireMilliseconds } from '../../wire/bodies.js';
import { FrameType, GoawayReason } from '../../wire/codes.js';
import { encodeFrame } from '../../wire/encode.js';
import { beginsWithProxyHeader } from '../handshake/proxy-header.js';
import type { PeerInfo } from '../peer-info.js';
import type { LogOptions } from '../peer-log.js';
import { BinarySession } from '../protocol/frames.js';
import { LineSession } from '../protocol/lines.js';
import type { NegotiatedHello } from '../protocol/negotiated.js';
import { afterNextPoll } from '../sockets/after-next-poll.js';
import { READ_BYTES } from '../sockets/shared-reads.js';
import type { CloseReason, Pause } from '../stats.js';
import type { ConnectionInfo } from './info.js';
import { Outbox } from './outbox.js';
import { type ListenerContext, type Session, type Violation, violations } from './session.js';

const LINGER_BYTES = 1_048_576;
/** What is pushed in one turn, in octets; the rest waits until the peer has taken it. */
const PUSH_BYTES = 65_536;
const NOTHING = Buffer.alloc(0);

const OPEN = 0;
/** No more input is taken; what was asked is still answered. */
const FINISHING = 1;
/** The last octet is written, FIN is sent; input is discarded. */
const CLOSING = 2;

/** With these nobody waits until the peer has taken what is owed: it is taken for dead, or in the way. */
const HASTY: ReadonlySet<CloseReason> = new Set(['idle', 'dead', 'drained', 'closed-by-application']);

/** Why reading is paused, as bits: it goes on when none is left. */
const PAUSED_FOR: Readonly<Record<Pause, number>> = {
  'max-pending': 1,
  'max-queued-bytes': 2,
  'turn-budget': 4,
  'line-order': 8,
};

/** The bounds of those that the log tells of: who is held by one of them asks more than it takes. */
const pauseSentences: Readonly<Partial<Record<Pause, string>>> = {
  'max-pending': 'reading is paused: as many PINGs wait for an answer as may',
  'max-queued-bytes': 'reading is paused: the peer takes its answers slower than it asks',
};

const kConnection = Symbol('connection');
interface OwnedSocket extends Socket {
  [kConnection]: Connection;
}

let lastId = 0;

/**
 * One accepted connection: its mode, its reading and pausing, its limits and
 * its end. What the octets mean is its session's affair.
 *
 * It is kept small, because there are many and most are idle: no closure, no
 * timer, no buffer of its own; the socket's listeners are shared functions.
 */
export class Connection implements Sweepable {
  readonly id = ++lastId;
  slot = -1;
  /** Exempt from the idle timeout. */
  isProtected = false;
  /** What HELLO agreed on; undefined before. */
  greeting: NegotiatedHello | undefined = undefined;
  private readonly outbox: Outbox;
  private readonly connectedAt: number;
  private session: Session | undefined = undefined;
  private phase = OPEN;
  private paused = 0;
  private finCame = false;
  private pausedAt = 0;
  private closeReason: CloseReason | undefined = undefined;
  private errno: string | undefined = undefined;
  private receivedAt: number;
  /** When the silence began that the idle timeout judges. */
  private idleSince: number;
  /** When the unfinished frame or line began. */
  private partialSince = 0;
  /** Somebody further up, or a microtask, will flush what is sent. */
  private willFlush = false;
  /** Set aside for reports that waiting PINGs will be answered with. */
  private reserved = 0;
  private waiting = 0;
  /** When FIN left; Infinity: it waits behind what the peer has not taken. */
  private closingAt = 0;
  private discarded = 0;
  private detail: boolean | undefined = undefined;
  /** The digest of the right token that was shown. */
  private token: Buffer | undefined = undefined;
  /** Something came, or reading goes on, in this turn of a drain. */
  private sawActivity = false;

  constructor(
    readonly socket: Socket,
    readonly shared: ListenerContext,
    private readonly origin?: PeerInfo,
  ) {
    const now = shared.clock.now();
    this.connectedAt = now;
    this.receivedAt = now;
    this.idleSince = now;
    this.outbox = new Outbox(socket, now);
    (socket as OwnedSocket)[kConnection] = this;
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('error', onError);
    socket.on('close', onClose);
  }

  get mode(): ConnectionInfo['mode'] {
    return this.session?.mode ?? 'undecided';
  }

  info(): ConnectionInfo {
    const { socket, shared, session, outbox, greeting, origin } = this;
    const started = shared.clock.wall() - shared.clock.now();
    const trips = greeting?.heartbeat?.roundTrips;
    return {
      id: this.id,
      remoteAddress: this.remoteAddress,
      remotePort: origin?.source ? origin.source.port : socket.remotePort,
      ...(origin?.source && { proxyAddress: socket.remoteAddress }),
      listener: shared.listener,
      mode: this.mode,
      ...(greeting?.name !== undefined && { name: greeting.name }),
      connectedAt: new Date(started + this.connectedAt),
      lastReceivedAt: new Date(started + this.receivedAt),
      lastSentAt: new Date(started + outbox.sentAt),
      bytesIn: socket.bytesRead,
      bytesOut: socket.bytesWritten,
      framesIn: session?.judged ?? 0,
      framesOut: session?.sent ?? 0,
      pingsOut: greeting?.heartbeat?.pingsOut ?? 0,
      roundTrip:
        trips?.last === undefined
          ? undefined
          : { last: trips.last, smoothed: trips.smoothed as number, min: trips.min as number },
      queuedOctets: outbox.waiting,
      waiting: this.waiting,
      watches: session?.watching ?? 0,
      protected: this.isProtected,
    };
  }

  /** Of the client, also where it came through a proxy; undefined for a Unix socket. */
  get remoteAddress(): string | undefined {
    return this.origin?.source ? this.origin.source.address : this.socket.remoteAddress;
  }

  /** Milliseconds since the last octet came, at `now`. */
  silence(now: number): number {
    return now - this.receivedAt;
  }

  // -- what a session uses ---------------------------------------------------

  /** No further input may be judged now. */
  get held(): boolean {
    return this.paused !== 0 || this.phase !== OPEN;
  }

  get mayDetail(): boolean {
    this.detail ??= mayDetail(this.shared.settings.detail, this.remoteAddress, this.token !== undefined);
    return this.detail;
  }

  /** Why nothing is answered to this peer, or not yet. */
  get unauthorizedReason(): string | undefined {
    if (this.origin?.refusal !== undefined) return this.origin.refusal;
    return this.shared.requireToken && this.token === undefined ? 'a token in HELLO is required here' : undefined;
  }

  /** The token with this digest was shown, and is a right one. */
  authenticated(digest: Buffer): void {
    this.token = digest;
    this.detail = undefined;
  }

  /** HELLO came, and this was agreed on. */
  onHello(greeting: NegotiatedHello): void {
    this.greeting = greeting;
    this.shared.wake(this);
  }

  /** Tells of something that the peer did wrong; `description` repeats nothing that it wrote as text. */
  report(description: string, manner?: LogOptions): void {
    this.shared.complaints.tell(description, this, manner);
  }

  /** Sends at the end of this turn, all in one write. */
  send(octets: Buffer): void {
    this.outbox.add(octets);
    if (this.willFlush) {
      if (this.outbox.gathered + this.reserved > this.shared.settings.limits.maxQueuedBytes) this.yieldTurn();
      return;
    }
    this.willFlush = true;
    queueMicrotask(() => {
      this.willFlush = false;
      this.flush(this.shared.clock.now());
      this.release();
    });
  }

  /** Something that nobody waits for may be sent: the peer has taken what was sent before. */
  get mayPush(): boolean {
    return this.phase === OPEN && this.outbox.waiting === 0 && this.outbox.gathered < PUSH_BYTES;
  }

  /** Octets that have not left: gathered in this turn, or waiting for the peer. */
  get queued(): number {
    return this.outbox.gathered + this.outbox.waiting;
  }

  /** Calls back when the kernel has taken what is written; never once the connection closes. */
  whenTaken(taken: () => void): void {
    // An empty write is done behind all others; 'drain' tells only of a full buffer.
    setImmediate(() => {
      if (this.phase === OPEN && this.socket.writable) this.socket.write(NOTHING, () => taken());
    });
  }

  /** `count` PINGs wait from now on, with `octets` of reports to come. */
  wait(count: number, octets: number): void {
    const { limits } = this.shared.settings;
    this.waiting += count;
    this.shared.stats.waiting += count;
    this.reserved += octets;
    if (this.waiting >= limits.maxPending) this.pause('max-pending');
    if (this.reserved + this.outbox.gathered > limits.maxQueuedBytes) this.pause('max-queued-bytes');
  }

  /** So many PINGs were answered just now. */
  answered(count: number): void {
    const { events } = this.shared;
    if (count > 0 && events.listenerCount('ping') > 0) callSafely(() => events.emit('ping', this.info(), count));
  }

  /** They have been answered. */
  waited(count: number, octets: number): void {
    this.waiting -= count;
    this.shared.stats.waiting -= count;
    this.reserved -= octets;
    if (this.waiting === 0) this.idleSince = this.shared.clock.now();
  }

  /** PINGs that may still come before reading pauses. */
  get room(): number {
    return this.shared.settings.limits.maxPending - this.waiting;
  }

  /** Others are to have their turn; reading goes on after it. */
  yieldTurn(): void {
    if ((this.paused & PAUSED_FOR['turn-budget']) !== 0) return;
    this.pause('turn-budget');
    setImmediate(() => this.resume('turn-budget'));
  }

  /** Takes no more input; closes for `reason` when all that waits is answered. */
  finish(reason: CloseReason): void {
    if (this.phase !== OPEN) return;
    this.phase = FINISHING;
    this.closeReason ??= reason;
    this.closeIfDone();
  }

  /** Closes now: answers what waits with what is known, then the last words, FIN, and a while of listening. */
  close(reason: CloseReason, finalFrame?: Buffer): void {
    if (this.phase !== CLOSING) {
      this.phase = FINISHING;
      this.closeReason ??= reason;
      this.session?.cancelWatches?.();
      this.session?.settle();
      if (finalFrame) this.send(finalFrame);
      this.end();
    }
    if (HASTY.has(reason)) this.closingAt = Math.min(this.closingAt, this.shared.clock.now());
  }

  destroy(reason: CloseReason): void {
    this.closeReason ??= reason;
    this.session?.abandon();
    this.socket.destroy();
  }

  /** Gives a slow peer up with RST, so that the kernel too lets go of what nobody reads (SPEC "Limits"); TLS and Unix sockets have none. */
  private reset(): void {
    this.closeReason = 'slow-peer';
    if (this.socket.remoteAddress !== undefined && !('encrypted' in this.socket)) this.socket.resetAndDestroy();
    this.destroy('slow-peer');
  }

  // -- reading ---------------------------------------------------------------

  /** `chunk` is lent until this returns. */
  receive(chunk: Buffer): void {
    const { clock, stats } = this.shared;
    stats.bytesIn += chunk.length;
    if (this.phase !== OPEN) return this.discard(chunk.length);
    const now = clock.now();
    this.receivedAt = now;
    this.idleSince = now;
    this.greeting?.received(now);
    this.sawActivity = true;
    if (this.session === undefined && !this.decideMode(chunk, now)) return;
    const session = this.session as unknown as Session;
    const unfinished = session.inside ? session.begun : -1;
    session.push(chunk);
    this.work(session, now, unfinished);
    if (this.phase !== OPEN) return;
    session.keep();
    // A read that was full has more behind it, and others are waiting.
    if (chunk.length >= READ_BYTES) this.yieldTurn();
  }

  /** `unfinished`: which frame or line was unfinished before; it keeps the moment in which it began. */
  private work(session: Session, now: number, unfinished: number): void {
    this.willFlush = true;
    session.proceed(now);
    this.willFlush = false;
    if (session.inside && session.begun !== unfinished) this.partialSince = now;
    // All else that comes only puts off what may be due.
    if (session.inside || this.greeting?.heartbeat !== undefined) this.shared.wake(this);
    this.flush(now);
    this.closeIfDone();
  }

  /** The first octet decides the mode (SPEC "Modes"). */
  private decideMode(chunk: Buffer, now: number): boolean {
    const first = chunk[0] as number;
    const letter = first | 0x20;
    if (first === 0x00) this.session = new BinarySession(this, now);
    else if (letter >= 0x61 && letter <= 0x7a && this.unauthorizedReason === undefined)
      this.session = new LineSession(this, now);
    else if (letter >= 0x61 && letter <= 0x7a) {
      this.report(`a line came, and was not answered: ${this.unauthorizedReason}`);
      this.close('unauthenticated');
      return false;
    } else {
      const isProxied = beginsWithProxyHeader(chunk);
      if (first === 0x16) this.tellOfTls();
      else if (isProxied) this.report('a PROXY header came from whom none is asked for');
      else this.report('what came is neither a frame nor a line');
      this.close(first === 0x16 ? 'tls' : isProxied ? 'proxy-header' : 'wrong-protocol');
      return false;
    }
    return true;
  }

  private tellOfTls(): void {
    const { shared } = this;
    if (shared.tlsTold) return;
    shared.tlsTold = true;
    const fields = { peer: this.remoteAddress, listener: shared.listener };
    shared.log.warn(fields, 'a TLS handshake came to a plain listener and was closed; said once');
  }

  private discard(octets: number): void {
    this.discarded += octets;
    if (this.phase === CLOSING && this.discarded > LINGER_BYTES) this.socket.destroy();
  }

  pause(why: Pause): void {
    const bit = PAUSED_FOR[why];
    if ((this.paused & bit) !== 0) return;
    this.shared.stats.paused[why]++;
    const description = pauseSentences[why];
    if (description) this.report(description, { level: 'info' });
    if (this.paused === 0) {
      this.pausedAt = this.shared.clock.now();
      this.socket.pause();
    }
    this.paused |= bit;
  }

  private resume(why: Pause): void {
    const bit = PAUSED_FOR[why];
    if ((this.paused & bit) === 0) return;
    this.paused &= ~bit;
    if (this.paused !== 0 || this.phase === CLOSING || this.socket.destroyed) return;
    const now = this.shared.clock.now();
    const stood = now - this.pausedAt;
    // The last answer may have left while it stood.
    this.idleSince = Math.min(now, this.idleSince + stood);
    this.partialSince += stood;
    const { session } = this;
    if (session && this.phase === OPEN) {
      session.credit(stood, now);
      this.work(session, now, session.inside ? session.begun : -1);
    }
    if (this.paused !== 0) return;
    // What came while it stood is not read yet.
    this.sawActivity = true;
    if (this.finCame) this.ended();
    else this.socket.resume();
  }

  /** Looks whether what made reading pause is over. */
  release(): void {
    const { limits } = this.shared.settings;
    if (this.waiting < limits.maxPending) this.resume('max-pending');
    if (this.waiting === 0) this.resume('line-order');
    if (this.reserved + this.outbox.gathered + this.outbox.waiting <= limits.maxQueuedBytes) {
      this.resume('max-queued-bytes');
    }
    this.closeIfDone();
  }

  // -- writing ---------------------------------------------------------------

  private flush(now: number): void {
    const written = this.outbox.write(now);
    if (written === 0) return;
    if (this.outbox.waiting > 0) this.shared.wake(this);
    const { socket, shared } = this;
    shared.stats.bytesOut += written;
    this.greeting?.heartbeat?.sent(now);
    if (this.outbox.waiting + this.reserved > shared.settings.limits.maxQueuedBytes) {
      this.pause('max-queued-bytes');
      if (socket.listenerCount('drain') === 0) socket.once('drain', onDrain);
    }
  }

  private closeIfDone(): void {
    if (this.phase === FINISHING && this.waiting === 0) this.end();
  }

  private end(): void {
    const now = this.shared.clock.now();
    this.phase = CLOSING;
    this.shared.wake(this);
    this.flush(now);
    this.closingAt = this.outbox.waiting === 0 ? now : Number.POSITIVE_INFINITY;
    this.socket.end();
    this.socket.resume();
  }

  // -- limits and heartbeat --------------------------------------------------

  tend(now: number, lag: number): number {
    const { greeting } = this;
    if (greeting !== undefined && this.phase === OPEN) {
      greeting.stalled(lag, now);
      // A peer that does not read is not sent more: its queue has a limit of its own.
      if (greeting.heartbeat?.due(now) === 'ping' && this.outbox.waiting === 0) this.session?.sendPing?.(now);
    }
    return this.nextLook();
  }

  /** When something can next be due, if nothing happens until then: whatever makes that sooner wakes it. */
  private nextLook(): number {
    if (
      this.unauthorizedReason !== undefined ||
      this.phase !== OPEN ||
      this.paused !== 0 ||
      this.outbox.waiting > 0 ||
      this.session?.inside
    )
      return 0;
    const { ms } = this.idleLimit;
    const idle = ms > 0 ? this.idleSince + ms : Number.POSITIVE_INFINITY;
    return this.greeting ? Math.min(idle, this.greeting.lookAt) : idle;
  }

  /** What HELLO told holds, because the client sends often enough for that and no more. */
  private get idleLimit(): TimeLimit {
    return this.greeting?.idle ?? this.shared.limits.idle;
  }

  overdue(now: number): boolean {
    // It may go between two looks, and is forgotten a little later.
    if (this.socket.destroyed) return false;
    const { limits } = this.shared;
    if (this.phase === CLOSING) {
      if (this.outbox.waiting === 0) this.closingAt = Math.min(this.closingAt, now);
      if (this.closingAt <= now) return limits.linger.exceeded(this.closingAt, now);
    }
    if (this.outbox.stalled(limits.stall, now)) return true;
    if (this.phase === CLOSING) return false;
    if (this.unauthorizedReason !== undefined && limits.handshake.exceeded(this.connectedAt, now)) return true;
    if (this.paused !== 0 || this.phase !== OPEN) return false;
    if (this.session?.inside) return limits.frame.exceeded(this.partialSince, now);
    if (this.greeting?.isDead(now)) return true;
    return this.waiting === 0 && !this.isProtected && this.idleLimit.exceeded(this.idleSince, now);
  }

  convict(now: number): void {
    const { limits } = this.shared;
    if (this.phase === CLOSING && this.closingAt <= now) {
      this.socket.destroy();
    } else if (this.outbox.stalled(limits.stall, now)) {
      if (this.phase === CLOSING) this.report(violations.stall);
      else this.socket.write(this.broke('stall') ?? NOTHING);
      this.reset();
    } else if (this.unauthorizedReason !== undefined && limits.handshake.exceeded(this.connectedAt, now)) {
      this.close('unauthenticated', this.broke('unauthorizedReason'));
    } else if (this.session?.inside) {
      this.close('protocol-error', this.broke('frame'));
    } else if (this.greeting?.isDead(now)) {
      this.close('dead', this.broke('dead', 'info'));
    } else {
      this.close('idle', this.broke('idle', 'info'));
    }
  }

  /** Tells of a broken limit; returns the last words for it. A silent peer may be dead, and is no attack. */
  private broke(limit: Violation, level: LogOptions['level'] = 'warn'): Buffer | undefined {
    this.report(violations[limit], { level });
    return this.session?.finalFrame(limit);
  }

  /** Other settings hold from `now` on. Whoever has no right any more is closed. */
  reload(now: number): void {
    const { session, shared } = this;
    this.detail = undefined;
    session?.limitRate(now);
    if (this.token !== undefined) {
      this.token = shared.tokens?.keeps(this.token);
      if (this.token === undefined) return session?.revoke?.();
    }
    if (this.mode === 'line' && this.unauthorizedReason !== undefined) return this.close('unauthenticated');
    this.release();
  }

  // -- the end ---------------------------------------------------------------

  /** Tells a client that said HELLO to go elsewhere (SPEC "Draining"). */
  goaway(graceMs: number, reconnectAfterMs: number): void {
    if (this.greeting === undefined || this.phase !== OPEN) return;
    if (this.session?.flushUpdates?.() === false) {
      const { clock } = this.shared;
      const asked = clock.now();
      return this.whenTaken(() => this.goaway(graceMs - (clock.now() - asked), reconnectAfterMs));
    }
    const body = { graceMs: wireMilliseconds(graceMs), reconnectAfterMs };
    this.send(encodeFrame({ type: FrameType.GOAWAY, code: GoawayReason.DRAINING, idHigh: 0, idLow: 0, body }));
  }

  /**
   * The server stops: what has arrived is answered, then FIN. Octets may still
   * wait in the socket, so it reads on until a turn of the loop brings none.
   */
  drain(until: number): void {
    this.sawActivity = false;
    void afterNextPoll().then(() => {
      const { session } = this;
      const allTold = this.phase !== OPEN || session?.flushUpdates?.() !== false;
      // What waits keeps the rest of what has arrived from being judged.
      if (this.paused !== 0 && this.waiting > 0) {
        session?.settle();
        this.release();
      }
      const quiet = this.phase !== OPEN || (!this.sawActivity && this.paused === 0 && allTold);
      if (quiet || this.shared.clock.now() >= until) this.close('drained');
      else this.drain(until);
    });
  }

  /** The peer sent FIN. A socket whose stream reads ahead tells that also while reading is paused: what came before is worked through first. */
  ended(): void {
    this.finCame = true;
    if (this.phase !== OPEN || this.paused !== 0) return;
    const now = this.shared.clock.now();
    this.session?.ended(now);
    this.flush(now);
    this.finish('client-closed');
  }

  failed(code: string | undefined): void {
    this.errno = code;
    if (code === 'ECONNRESET' || code === 'EPIPE') this.closeReason ??= 'client-reset';
    else if (code === 'ETIMEDOUT') this.closeReason ??= 'timed-out';
    else this.closeReason ??= code?.startsWith('ERR_SSL_') ? 'tls' : 'network';
  }

  closed(): void {
    const { stats, events } = this.shared;
    const reason = this.closeReason ?? 'internal';
    this.phase = CLOSING;
    this.session?.abandon();
    stats.closed[reason]++;
    this.shared.forget(this);
    if (events.listenerCount('close') > 0) callSafely(() => events.emit('close', this.info(), reason, this.errno));
  }
}

function onData(this: Socket, chunk: Buffer): void {
  (this as OwnedSocket)[kConnection].receive(chunk);
}

function onEnd(this: Socket): void {
  (this as OwnedSocket)[kConnection].ended();
}

function onError(this: Socket, error: NodeJS.ErrnoException): void {
  (this as OwnedSocket)[kConnection].failed(error.code);
}

function onClose(this: Socket): void {
  (this as OwnedSocket)[kConnection].closed();
}

function onDrain(this: Socket): void {
  (this as OwnedSocket)[kConnection].release();
}
