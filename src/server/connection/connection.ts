import { callSafely } from '../../common/call-safely.js';
import type { Sweepable } from '../../liveness/sweeper.js';
import { RateBucket } from '../../liveness/token-bucket.js';
import { mayDetail } from '../../net/access.js';
import { wireMilliseconds } from '../../wire/bodies.js';
import { FrameType, GoawayReason } from '../../wire/codes.js';
import { encodeFrame } from '../../wire/encode.js';
import type { PeerInfo } from '../peer-info.js';
import type { LogOptions } from '../peer-log.js';
import { createSession } from '../protocol/detect.js';
import type { NegotiatedHello } from '../protocol/negotiated.js';
import { afterNextPoll } from '../sockets/after-next-poll.js';
import { attach, type ConnectionSocket, READ_BYTES, type SocketOwner } from '../sockets/connection-socket.js';
import type { CloseReason, Pause } from '../stats.js';
import {
  addPending,
  mayPush,
  pauseReading,
  removePending,
  resumeWithinLimits,
  whenSent,
  yieldTurn,
} from './flow-control.js';
import { type ConnectionInfo, connectionInfo } from './info.js';
import { Outbox } from './outbox.js';
import type { ListenerContext, Session, Violation } from './session.js';
import type { ConnectionState, Phase } from './state.js';
import { expired, nextCheckAt, terminate } from './time-limits.js';

/** Maximum number of bytes discarded after FIN was sent. If the peer sends more, the connection is destroyed. */
const LINGER_BYTES = 1_048_576;

/** Close reasons that do not wait for the send queue to drain. */
const IMMEDIATE: ReadonlySet<CloseReason> = new Set(['idle', 'dead', 'drained', 'closed-by-application']);

/**
 * One accepted connection, from its first byte to its close. Protocol handling is delegated to the session, which
 * `protocol/detect.ts` selects. `flow-control.ts` decides when the connection reads, and `time-limits.ts` when it
 * expires.
 *
 * Most connections are idle, so each one is kept small: it has no closure, timer or buffer.
 */
export class Connection implements Sweepable, ConnectionState, SocketOwner {
  readonly id: number;
  slot = -1;
  isProtected = false;
  hello: NegotiatedHello | undefined = undefined;
  readonly outbox: Outbox;
  readonly connectedAt: number;
  session: Session | undefined = undefined;
  bucket: RateBucket | undefined = undefined;
  phase: Phase = 'open';
  paused = 0;
  private finReceived = false;
  pausedAt = 0;
  private closeReason: CloseReason | undefined = undefined;
  private errno: string | undefined = undefined;
  receivedAt: number;
  idleSince: number;
  partialSince = 0;
  /** Whether a caller further up the stack, or a microtask, will flush the output. */
  private willFlush = false;
  reserved = 0;
  pending = 0;
  closingAt = 0;
  private discarded = 0;
  private detail: boolean | undefined = undefined;
  /** Digest of the valid token that the client sent. */
  private token: Buffer | undefined = undefined;
  /** Set when data arrived or reading resumed during the current drain iteration. */
  private sawActivity = false;

  constructor(
    readonly socket: ConnectionSocket,
    readonly shared: ListenerContext,
    readonly origin: PeerInfo | undefined = undefined,
  ) {
    const now = shared.clock.now();
    this.id = shared.nextId();
    this.connectedAt = now;
    this.receivedAt = now;
    this.idleSince = now;
    this.outbox = new Outbox(socket, now);
    attach(socket, this);
  }

  get mode(): ConnectionInfo['mode'] {
    return this.session?.mode ?? 'undecided';
  }

  info(): ConnectionInfo {
    return connectionInfo(this);
  }

  /** Address of the client, even if it is connected through a proxy; undefined for a Unix socket. */
  get remoteAddress(): string | undefined {
    return this.origin?.source ? this.origin.source.address : this.socket.remoteAddress;
  }

  /** Milliseconds from the last received byte to `now`. */
  silence(now: number): number {
    return now - this.receivedAt;
  }

  // -- for the session -------------------------------------------------------

  get isReadingStopped(): boolean {
    return this.paused !== 0 || this.phase !== 'open';
  }

  get mayDetail(): boolean {
    this.detail ??= mayDetail(this.shared.settings.detail, this.remoteAddress, this.token !== undefined);
    return this.detail;
  }

  get unauthorizedReason(): string | undefined {
    if (this.origin?.rejection !== undefined) return this.origin.rejection;
    return this.shared.requireToken && this.token === undefined ? 'a token in HELLO is required here' : undefined;
  }

  onAuthenticated(digest: Buffer): void {
    this.token = digest;
    this.detail = undefined;
  }

  onHello(hello: NegotiatedHello): void {
    this.hello = hello;
    this.shared.wake(this);
    this.shared.onHello(this);
  }

  report(description: string, options?: LogOptions): void {
    this.shared.peerLog.log(description, this, options);
  }

  send(bytes: Buffer): void {
    this.outbox.add(bytes);
    if (this.willFlush) {
      if (this.outbox.gathered + this.reserved > this.shared.settings.limits.maxQueuedBytes) this.yieldTurn();
      return;
    }
    this.willFlush = true;
    queueMicrotask(() => {
      this.willFlush = false;
      this.flush(this.shared.clock.now());
      this.onProgress();
    });
  }

  sendCopy(bytes: Buffer): void {
    this.send(this.outbox.copy(bytes));
  }

  get queued(): number {
    return this.outbox.gathered + this.outbox.unsent;
  }

  get mayPush(): boolean {
    return mayPush(this);
  }

  whenSent(sent: () => void): void {
    whenSent(this, sent);
  }

  get capacity(): number {
    return this.shared.settings.limits.maxPending - this.pending;
  }

  addPending(count: number, bytes: number): void {
    addPending(this, count, bytes);
  }

  removePending(count: number, bytes: number): void {
    removePending(this, count, bytes);
  }

  onAnswered(count: number): void {
    const { events } = this.shared;
    if (count > 0 && events.listenerCount('ping') > 0) callSafely(() => events.emit('ping', this.info(), count));
  }

  pause(why: Pause): void {
    pauseReading(this, why);
  }

  yieldTurn(): void {
    yieldTurn(this);
  }

  // -- reading ---------------------------------------------------------------

  /** `chunk` is a view of a shared buffer, valid only during this call. */
  receive(chunk: Buffer): void {
    const { clock, stats } = this.shared;
    stats.bytesIn += chunk.length;
    if (this.phase !== 'open') return this.discard(chunk.length);
    const now = clock.now();
    this.receivedAt = now;
    this.idleSince = now;
    this.hello?.heartbeat?.received(now);
    this.sawActivity = true;
    this.session ??= this.start(chunk, now);
    const { session } = this;
    if (session === undefined) return;
    const partialId = session.hasPartial ? session.partialId : -1;
    session.push(chunk);
    this.process(session, now, partialId);
    if (this.phase !== 'open') return;
    session.keep();
    // After a full read, more data is probably available, but other connections are waiting.
    if (chunk.length >= READ_BYTES) this.yieldTurn();
  }

  private start(chunk: Buffer, now: number): Session | undefined {
    this.limitRate(now);
    const session = createSession(this, chunk);
    if (session) {
      const { modes } = this.shared.stats;
      modes.undecided--;
      modes[session.mode]++;
    }
    return session;
  }

  private limitRate(now: number): void {
    this.bucket = RateBucket.of(this.shared.settings.limits.pingsPerSecond, now, this.bucket);
  }

  /** `partialId` identifies the frame or line that was partial before. Its start time is kept. */
  private process(session: Session, now: number, partialId: number): void {
    this.willFlush = true;
    session.proceed(now);
    this.willFlush = false;
    if (session.hasPartial && session.partialId !== partialId) this.partialSince = now;
    // All other input can only postpone the next check.
    if (session.hasPartial || this.hello?.heartbeat !== undefined) this.shared.wake(this);
    this.flush(now);
    this.closeIfDone();
  }

  onResume(ms: number, now: number): void {
    const { session } = this;
    if (session && this.phase === 'open') {
      this.bucket?.credit(ms, now);
      this.process(session, now, session.hasPartial ? session.partialId : -1);
    }
    if (this.paused !== 0) return;
    // Data that arrived during the pause has not been read yet.
    this.sawActivity = true;
    if (this.finReceived) this.onFin();
    else this.socket.resume();
  }

  /** Resumes reading if a limit is no longer reached. Closes the connection after the last answer. */
  onProgress(): void {
    resumeWithinLimits(this);
    this.closeIfDone();
  }

  /** A stream that reads ahead reports FIN even during a pause. The data before the FIN is processed first. */
  onFin(): void {
    this.finReceived = true;
    if (this.isReadingStopped) return;
    const now = this.shared.clock.now();
    this.session?.onFin(now);
    this.flush(now);
    this.finish('client-closed');
  }

  /**
   * Bytes that arrive before FIN is sent do not count, because FIN waits for pending PINGs and for a peer that reads
   * slowly.
   */
  private discard(bytes: number): void {
    if (this.phase !== 'closing' || (this.closingAt === Number.POSITIVE_INFINITY && this.outbox.unsent > 0)) return;
    this.discarded += bytes;
    if (this.discarded > LINGER_BYTES) this.socket.destroy();
  }

  // -- writing ---------------------------------------------------------------

  private flush(now: number): void {
    const written = this.outbox.write(now);
    if (written === 0) return;
    if (this.outbox.unsent > 0) this.shared.wake(this);
    const { shared } = this;
    shared.stats.bytesOut += written;
    this.hello?.heartbeat?.sent(now);
    if (this.outbox.unsent + this.reserved > shared.settings.limits.maxQueuedBytes) this.pause('max-queued-bytes');
  }

  // -- time limits and heartbeat ---------------------------------------------

  onTick(now: number, lag: number): number {
    const { hello } = this;
    if (hello !== undefined && this.phase === 'open') {
      hello.onStall(lag, now);
      // No PING is sent to a peer that does not read, because the send queue has its own time limit.
      if (hello.heartbeat?.due(now) === 'ping' && this.outbox.unsent === 0) this.session?.sendPing?.(now);
    }
    return nextCheckAt(this);
  }

  expired(now: number): Violation | 'linger' | undefined {
    return expired(this, now);
  }

  terminate(violation: Violation | 'linger'): void {
    terminate(this, violation);
  }

  /** Applies new settings from `now`. Closes the connection if the client is no longer authorized. */
  reload(now: number): void {
    const { session, shared } = this;
    this.detail = undefined;
    if (session) this.limitRate(now);
    if (this.token !== undefined) {
      this.token = shared.tokens?.keeps(this.token);
      if (this.token === undefined) return session?.revoke?.();
    }
    if (session?.mode === 'line' && this.unauthorizedReason !== undefined) return this.close('unauthenticated');
    this.onProgress();
  }

  // -- closing ---------------------------------------------------------------

  /**
   * Sends GOAWAY to a client that has sent HELLO (SPEC "Draining").
   *
   * @param until monotonic time in milliseconds at which the server stops.
   * @param reconnectAt monotonic time in milliseconds at which this client may reconnect.
   */
  goaway(until: number, reconnectAt: number): void {
    if (this.hello === undefined || this.phase !== 'open') return;
    if (this.session?.flushUpdates?.() === false) return this.whenSent(() => this.goaway(until, reconnectAt));
    const now = this.shared.clock.now();
    const body = { graceMs: wireMilliseconds(until - now), reconnectAfterMs: wireMilliseconds(reconnectAt - now) };
    this.send(encodeFrame({ type: FrameType.GOAWAY, code: GoawayReason.DRAINING, idHigh: 0, idLow: 0, body }));
  }

  /**
   * Closes the connection because the server stops. First answers the requests that have arrived, but closes no later
   * than at `until` (monotonic milliseconds). The socket may hold unread data, so reading continues until one poll of
   * the event loop yields none.
   */
  drain(until: number): void {
    this.sawActivity = false;
    void afterNextPoll().then(() => {
      const { session } = this;
      const isFlushed = this.phase !== 'open' || session?.flushUpdates?.() !== false;
      // Pending PINGs would prevent the rest of the input from being processed.
      if (this.paused !== 0 && this.pending > 0) {
        session?.settle();
        this.onProgress();
      }
      const isQuiet = this.phase !== 'open' || (!this.sawActivity && this.paused === 0 && isFlushed);
      if (isQuiet || this.shared.clock.now() >= until) this.close('drained');
      else this.drain(until);
    });
  }

  finish(reason: CloseReason): void {
    if (this.phase !== 'open') return;
    this.phase = 'finishing';
    this.closeReason ??= reason;
    this.closeIfDone();
  }

  close(reason: CloseReason, finalFrame?: Buffer): void {
    if (this.phase !== 'closing') {
      this.phase = 'finishing';
      this.closeReason ??= reason;
      this.session?.cancelWatches?.();
      this.session?.settle();
      if (finalFrame) this.send(finalFrame);
      this.end();
    }
    if (IMMEDIATE.has(reason)) this.closingAt = Math.min(this.closingAt, this.shared.clock.now());
  }

  private closeIfDone(): void {
    if (this.phase === 'finishing' && this.pending === 0) this.end();
  }

  private end(): void {
    const now = this.shared.clock.now();
    this.phase = 'closing';
    this.shared.wake(this);
    this.flush(now);
    this.closingAt = this.outbox.unsent === 0 ? now : Number.POSITIVE_INFINITY;
    this.socket.end();
    this.socket.resume();
  }

  destroy(reason: CloseReason): void {
    this.closeReason ??= reason;
    this.session?.abandon();
    this.socket.destroy();
  }

  /**
   * RST makes the kernel drop what a slow peer does not read (SPEC "Limits"). TLS and Unix sockets do not support RST.
   */
  reset(): void {
    this.closeReason = 'slow-peer';
    if (this.socket.remoteAddress !== undefined && !('encrypted' in this.socket)) this.socket.resetAndDestroy();
    this.destroy('slow-peer');
  }

  onError(code: string | undefined): void {
    this.errno = code;
    if (code === 'ECONNRESET' || code === 'EPIPE') this.closeReason ??= 'client-reset';
    else if (code === 'ETIMEDOUT') this.closeReason ??= 'timed-out';
    else this.closeReason ??= code?.startsWith('ERR_SSL_') ? 'tls' : 'network';
  }

  onClosed(): void {
    const { stats, events } = this.shared;
    const reason = this.closeReason ?? 'internal';
    this.phase = 'closing';
    this.session?.abandon();
    stats.closed[reason]++;
    this.shared.onClosed(this);
    if (events.listenerCount('close') > 0) callSafely(() => events.emit('close', this.info(), reason, this.errno));
  }
}
