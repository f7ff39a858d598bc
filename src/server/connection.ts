import type { Socket } from 'node:net';
import type { Clock } from '../clock.js';
import { mayDetail } from '../link/detail.js';
import type { Limit } from '../link/limit.js';
import type { Swept } from '../link/sweeper.js';
import type { Log } from '../log.js';
import { BinarySession } from './binary.js';
import { LineSession } from './line.js';
import type { Responder } from './responder.js';
import type { ServerSettings } from './settings.js';
import type { CloseReason, Pause, ServerStats } from './stats.js';

/** What all connections of a server share. */
export interface Shared {
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: ServerSettings;
  readonly stats: ServerStats;
  readonly responder: Responder;
  readonly limits: { readonly idle: Limit; readonly frame: Limit; readonly stall: Limit; readonly linger: Limit };
  /** The connection is gone. */
  forget(connection: Connection): void;
}

/** What is made of the octets once the first of them has said which mode it is. */
export interface Session {
  /** Takes the next chunk; the one before has been worked through. */
  push(chunk: Buffer): void;
  /** Works through what was pushed, as far as the connection is not held; called again when it is held no more. */
  proceed(now: number): void;
  /** The peer will send nothing more. */
  ended(now: number): void;
  /** A frame or a line has begun and is not complete. */
  readonly inside: boolean;
  /** How many frames or lines have been judged. */
  readonly judged: number;
  /** Answers every waiting PING with what is known now. */
  settle(): void;
  /** Forgets every waiting PING. */
  abandon(): void;
  /** The peer broke one of the limits of time; its last words, if its mode has any. */
  lastWords(limit: 'idle' | 'frame' | 'stall'): Buffer | undefined;
  /** The server has paused reading for `ms` milliseconds. */
  credit(ms: number, now: number): void;
}

const LINGER_OCTETS = 1_048_576;
/** Node reads at most this much at once; a read that filled it has more behind it, and others are waiting. */
const FULL_READ = 65_536;

const OPEN = 0;
/** No more input is taken; what was asked is still answered. */
const FINISHING = 1;
/** The last octet is written, FIN is sent; input is discarded. */
const CLOSING = 2;

/** Why reading is paused, as bits: it goes on when none is left. */
const PAUSED_FOR: Readonly<Record<Pause, number>> = {
  'max-pending': 1,
  'max-queued-bytes': 2,
  'turn-budget': 4,
  'line-order': 8,
};

const kConnection = Symbol('connection');
interface OwnedSocket extends Socket {
  [kConnection]: Connection;
}

/**
 * One accepted connection: its mode, its reading and pausing, its output, its
 * limits and its end. What the octets mean is its session's affair.
 *
 * It is kept small, because there are many and most are idle: no closure, no
 * timer, no buffer of its own; the socket's listeners are shared functions.
 */
export class Connection implements Swept {
  private session: Session | undefined = undefined;
  private phase = OPEN;
  private paused = 0;
  private pausedAt = 0;
  private closeReason: CloseReason | undefined = undefined;
  /** When the last octet came, or the last waiting PING was answered. */
  private livedAt: number;
  /** When the unfinished frame or line began. */
  private begunAt = 0;
  private out: Buffer | undefined = undefined;
  private outMore: Buffer[] | undefined = undefined;
  private outOctets = 0;
  /** Somebody further up, or a microtask, will flush what is sent. */
  private willFlush = false;
  /** Set aside for reports that waiting PINGs will be answered with. */
  private reserved = 0;
  private waiting = 0;
  /** Octets the kernel has taken, and when that last rose: the progress of a peer that should read. */
  private taken = 0;
  private takenAt = 0;
  private closingAt = 0;
  private discarded = 0;
  private detail: boolean | undefined = undefined;
  private turnOctets = 0;

  constructor(
    readonly socket: Socket,
    readonly shared: Shared,
  ) {
    this.livedAt = shared.clock.now();
    (socket as OwnedSocket)[kConnection] = this;
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('error', onError);
    socket.on('close', onClose);
  }

  // -- what a session uses ---------------------------------------------------

  /** No further input may be judged now. */
  get held(): boolean {
    return this.paused !== 0 || this.phase !== OPEN;
  }

  get mayDetail(): boolean {
    if (this.detail === undefined) this.detail = mayDetail(this.shared.settings.detail, this.socket.remoteAddress);
    return this.detail;
  }

  /** Sends at the end of this turn, all in one write. */
  send(octets: Buffer): void {
    if (this.out === undefined) this.out = octets;
    else if (this.outMore === undefined) this.outMore = [octets];
    else this.outMore.push(octets);
    this.outOctets += octets.length;
    if (this.willFlush) {
      if (this.outOctets + this.reserved > this.shared.settings.limits.maxQueuedBytes) this.yieldTurn();
      return;
    }
    this.willFlush = true;
    queueMicrotask(() => {
      this.willFlush = false;
      this.flush();
      this.release();
    });
  }

  /** `count` PINGs wait from now on, with `octets` of reports to come. */
  wait(count: number, octets: number): void {
    const { limits } = this.shared.settings;
    this.waiting += count;
    this.shared.stats.waiting += count;
    this.reserved += octets;
    if (this.waiting >= limits.maxPending) this.pause('max-pending');
    if (this.reserved + this.outOctets > limits.maxQueuedBytes) this.pause('max-queued-bytes');
  }

  /** They have been answered. */
  waited(count: number, octets: number): void {
    this.waiting -= count;
    this.shared.stats.waiting -= count;
    this.reserved -= octets;
    if (this.waiting === 0) this.livedAt = this.shared.clock.now();
  }

  /** PINGs that may still come before reading pauses. */
  get room(): number {
    return this.shared.settings.limits.maxPending - this.waiting;
  }

  /** Others are to have their turn; reading goes on after it. */
  yieldTurn(): void {
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
  close(reason: CloseReason, lastWords?: Buffer): void {
    if (this.phase === CLOSING) return;
    this.phase = FINISHING;
    this.closeReason ??= reason;
    this.session?.settle();
    if (lastWords) this.send(lastWords);
    this.end();
  }

  destroy(reason: CloseReason): void {
    this.closeReason ??= reason;
    this.session?.abandon();
    this.socket.destroy();
  }

  // -- reading ---------------------------------------------------------------

  receive(chunk: Buffer): void {
    const { clock, stats } = this.shared;
    stats.octetsIn += chunk.length;
    if (this.phase !== OPEN) return this.discard(chunk.length);
    const now = clock.now();
    this.livedAt = now;
    this.turnOctets += chunk.length;
    if (this.session === undefined && !this.decideMode(chunk[0] as number, now)) return;
    const session = this.session as unknown as Session;
    const unfinished = session.inside ? session.judged : -1;
    session.push(chunk);
    this.work(session, now, unfinished);
    if (chunk.length >= FULL_READ && this.phase === OPEN) this.yieldTurn();
  }

  /** `unfinished`: which frame or line was unfinished before; it keeps the moment in which it began. */
  private work(session: Session, now: number, unfinished: number): void {
    this.willFlush = true;
    session.proceed(now);
    this.willFlush = false;
    if (session.inside && session.judged !== unfinished) this.begunAt = now;
    this.flush();
    this.closeIfDone();
  }

  /** The first octet decides the mode (SPEC "Modes"). */
  private decideMode(first: number, now: number): boolean {
    const letter = first | 0x20;
    if (first === 0x00) this.session = new BinarySession(this, now);
    else if (letter >= 0x61 && letter <= 0x7a) this.session = new LineSession(this, now);
    else {
      if (first === 0x16) {
        this.shared.log.warn(
          { peer: this.socket.remoteAddress },
          'a TLS handshake came to a plain listener; the connection was closed',
        );
      }
      this.close(first === 0x16 ? 'tls' : 'wrong-protocol');
      return false;
    }
    return true;
  }

  private discard(octets: number): void {
    this.discarded += octets;
    if (this.phase === CLOSING && this.discarded > LINGER_OCTETS) this.socket.destroy();
  }

  pause(why: Pause): void {
    const bit = PAUSED_FOR[why];
    if ((this.paused & bit) !== 0) return;
    this.shared.stats.paused[why]++;
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
    this.livedAt += stood;
    this.begunAt += stood;
    const { session } = this;
    if (session && this.phase === OPEN) {
      session.credit(stood, now);
      this.work(session, now, session.inside ? session.judged : -1);
    }
    if (this.paused === 0) this.socket.resume();
  }

  /** Looks whether what made reading pause is over. */
  release(): void {
    const { limits } = this.shared.settings;
    if (this.waiting < limits.maxPending) this.resume('max-pending');
    if (this.waiting === 0) this.resume('line-order');
    if (this.reserved + this.outOctets + this.socket.writableLength <= limits.maxQueuedBytes) {
      this.resume('max-queued-bytes');
    }
    this.closeIfDone();
  }

  // -- writing ---------------------------------------------------------------

  private flush(): void {
    const { out, socket } = this;
    if (out === undefined) return;
    const octets = this.outMore === undefined ? out : Buffer.concat([out, ...this.outMore], this.outOctets);
    this.out = undefined;
    this.outMore = undefined;
    this.outOctets = 0;
    if (!socket.writable) return;
    this.shared.stats.octetsOut += octets.length;
    socket.write(octets);
    if (socket.writableLength + this.reserved > this.shared.settings.limits.maxQueuedBytes) {
      this.pause('max-queued-bytes');
      if (socket.listenerCount('drain') === 0) socket.once('drain', onDrain);
    }
  }

  private closeIfDone(): void {
    if (this.phase === FINISHING && this.waiting === 0) this.end();
  }

  private end(): void {
    this.phase = CLOSING;
    this.closingAt = this.shared.clock.now();
    this.flush();
    this.socket.end();
    this.socket.resume();
  }

  // -- limits ----------------------------------------------------------------

  overdue(now: number): boolean {
    const { limits } = this.shared;
    if (this.phase === CLOSING) return limits.linger.exceeded(this.closingAt, now);
    if (this.stalled(now)) return true;
    if (this.paused !== 0 || this.phase !== OPEN) return false;
    if (this.session?.inside) return limits.frame.exceeded(this.begunAt, now);
    return this.waiting === 0 && limits.idle.exceeded(this.livedAt, now);
  }

  private stalled(now: number): boolean {
    const { socket } = this;
    const queued = socket.writableLength;
    if (queued === 0) {
      this.takenAt = now;
      return false;
    }
    const taken = socket.bytesWritten - queued;
    if (taken !== this.taken) {
      this.taken = taken;
      this.takenAt = now;
    }
    return this.shared.limits.stall.exceeded(this.takenAt, now);
  }

  convict(now: number): void {
    if (this.phase === CLOSING) {
      this.socket.destroy();
    } else if (this.stalled(now)) {
      const words = this.session?.lastWords('stall');
      if (words) this.socket.write(words);
      this.destroy('slow-peer');
    } else if (this.session?.inside) {
      this.close('protocol-error', this.session.lastWords('frame'));
    } else {
      this.close('idle', this.session?.lastWords('idle'));
    }
  }

  // -- the end ---------------------------------------------------------------

  /**
   * The server stops: what has arrived is answered, then FIN. Octets may still
   * wait in the socket, so it reads on until a turn of the loop brings none.
   */
  drain(until: number): void {
    if (this.phase === CLOSING) return;
    this.turnOctets = 0;
    afterOnePoll(() => {
      const quiet = this.phase !== OPEN || (this.turnOctets === 0 && this.paused === 0);
      if (quiet || this.shared.clock.now() >= until) this.close('drained');
      else this.drain(until);
    });
  }

  /** The peer sent FIN. */
  ended(): void {
    if (this.phase === OPEN) {
      const { session } = this;
      session?.ended(this.shared.clock.now());
      this.flush();
      this.finish('client-closed');
    }
  }

  failed(code: string | undefined): void {
    if (code === 'ECONNRESET' || code === 'EPIPE') this.closeReason ??= 'client-reset';
    else if (code === 'ETIMEDOUT') this.closeReason ??= 'timed-out';
    else this.closeReason ??= 'network';
  }

  closed(): void {
    this.phase = CLOSING;
    this.session?.abandon();
    this.shared.stats.closed[this.closeReason ?? 'internal']++;
    this.shared.forget(this);
  }
}

/** From wherever in the loop: the first immediate may come before the next poll, the second cannot. */
function afterOnePoll(next: () => void): void {
  setImmediate(() => setImmediate(next));
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
