import type { EventEmitter } from 'node:events';
import type { Clock } from '../../common/clock.js';
import type { Log } from '../../common/log.js';
import type { Sweepable } from '../../liveness/sweeper.js';
import type { TimeLimit } from '../../liveness/time-limit.js';
import type { RateBucket } from '../../liveness/token-bucket.js';
import type { Tokens } from '../../net/tokens.js';
import type { LogOptions, PeerLog } from '../peer-log.js';
import type { NegotiatedHello } from '../protocol/negotiated.js';
import type { PushQueue } from '../protocol/push-queue.js';
import type { Responder } from '../protocol/responder.js';
import type { ServerSettings } from '../settings.js';
import type { CloseReason, Pause, ServerStats } from '../stats.js';
import type { ConnectionInfo, SessionCounts } from './info.js';

/** Events of a server. */
export interface ServerEvents {
  connect: [connection: ConnectionInfo];
  /** `count` PONGs, or answers to lines, were sent in one write. */
  ping: [connection: ConnectionInfo, count: number];
  /** `errno`: the system error code, if there was one. */
  close: [connection: ConnectionInfo, reason: CloseReason, errno: string | undefined];
}

/** Settings and services shared by all connections of a listener. */
export interface ListenerContext {
  /** Address of the listener, as `pong://HOST:PORT`. */
  readonly listener: string;
  readonly clock: Clock;
  readonly log: Log;
  /** A reload replaces the members from here to `limits`. */
  settings: ServerSettings;
  /** Tokens accepted in HELLO; undefined if tokens are not checked. */
  tokens: Tokens | undefined;
  /** Whether requests are answered only after a valid token. */
  requireToken: boolean;
  limits: Readonly<Record<'idle' | 'frame' | 'stall' | 'linger' | 'handshake', TimeLimit>>;
  readonly stats: ServerStats;
  readonly events: EventEmitter<ServerEvents>;
  readonly responder: Responder;
  readonly peerLog: PeerLog;
  readonly pushes: PushQueue;
  /** Whether a TLS handshake on this plain-text listener was logged, which is done once. */
  isTlsWarned: boolean;
  /** Returns the id of the next connection. */
  nextId(): number;
  /** Requests a check of the connection earlier than the time that its last `onTick` returned. */
  wake(connection: Sweepable): void;
  /** Called when the client has sent its first HELLO. */
  onHello(connection: Sweepable): void;
  /** Called when the connection is closed. */
  onClosed(connection: Sweepable): void;
}

/** The connection as used by its session. */
export interface SessionHost {
  readonly shared: ListenerContext;
  /** Address of the client, even if it is connected through a proxy; undefined for a Unix socket. */
  readonly remoteAddress: string | undefined;
  /** Rate limit for frames and lines; undefined if unlimited. */
  readonly bucket: RateBucket | undefined;
  /** Result of the client's HELLO; undefined before HELLO. */
  readonly hello: NegotiatedHello | undefined;
  /** Whether reading is paused or the connection is closing, in which case no further input may be processed now. */
  readonly isReadingStopped: boolean;
  /** Whether the client may see details. */
  readonly mayDetail: boolean;
  /** Why this peer is not authorized (yet); undefined once it is. */
  readonly unauthorizedReason: string | undefined;
  /** Called when the client has sent the valid token with this digest. */
  onAuthenticated(digest: Buffer): void;
  /** Called when the client has sent its first HELLO. */
  onHello(hello: NegotiatedHello): void;
  /** Logs a protocol violation by the peer, rate-limited. Never include text from the peer. */
  report(description: string, options?: LogOptions): void;
  /** Sends `bytes` at the end of this turn, together with all other output in one write. */
  send(bytes: Buffer): void;
  /** Like `send`, but copies `bytes`, because the caller reuses the buffer. Call it only while input is processed. */
  sendCopy(bytes: Buffer): void;
  /** Whether an update that no request waits for may be sent, because the peer has read what was sent before. */
  readonly mayPush: boolean;
  /** Number of bytes that the kernel has not accepted: gathered in this turn, or written and unsent. */
  readonly queued: number;
  /**
   * Calls `sent` when the kernel has accepted everything that was written. Not called if the connection closes first.
   */
  whenSent(sent: () => void): void;
  /** Adds `count` pending PINGs, and reserves `bytes` for their reports. */
  addPending(count: number, bytes: number): void;
  /** Removes `count` pending PINGs, which were answered or abandoned. */
  removePending(count: number, bytes: number): void;
  /** Number of PINGs that may still become pending before reading is paused. */
  readonly capacity: number;
  /** Called when `count` PINGs have just been answered. */
  onAnswered(count: number): void;
  /** Pauses reading until the next turn of the event loop, so that other connections are served. */
  yieldTurn(): void;
  pause(why: Pause): void;
  /** Processes no more input. Closes because of `reason` when every pending PING has been answered. */
  finish(reason: CloseReason): void;
  /** Closes now: answers pending PINGs with the latest known status, then sends the final frame and FIN. */
  close(reason: CloseReason, finalFrame?: Buffer): void;
}

/** Processes the input of one connection, in the mode selected by its first byte. */
export interface Session extends SessionCounts {
  /**
   * Takes the next chunk, after the previous one has been processed. The chunk is valid until this call returns, unless
   * `keep` is called.
   */
  push(chunk: Buffer): void;
  /** Copies the unprocessed part of the chunk. */
  keep(): void;
  /** Processes the chunk until reading is stopped. Called again when reading resumes. */
  proceed(now: number): void;
  /** Called when the peer has sent FIN. */
  onFin(now: number): void;
  /** Whether a frame or a line has begun and is not complete. */
  readonly hasPartial: boolean;
  /** Distinguishes partial frames or lines from each other. */
  readonly partialId: number;
  /** Sends due STATUS frames, up to `maxQueuedBytes`. Returns false if some remain. Only in a mode with WATCH. */
  flushUpdates?(): boolean;
  /** Ends all WATCHes. No STATUS follows. */
  cancelWatches?(): void;
  /** Answers every pending PING with the latest known status. */
  settle(): void;
  /** Drops every pending PING without an answer. */
  abandon(): void;
  /** Returns the frame to send before closing because of `violation`; undefined in a mode without such a frame. */
  finalFrame(violation: Violation): Buffer | undefined;
  /** Sends a heartbeat PING. Only in a mode with heartbeats. */
  sendPing?(now: number): void;
  /** Closes the connection because the client's token is no longer valid. Only in a mode with tokens. */
  revoke?(): void;
}

/** Time limits that a peer can exceed, each with its text for the log and the final frame. */
export const violations = {
  idle: 'no data within the idle timeout',
  frame: 'frame or line not completed in time',
  stall: 'answers not read in time',
  dead: 'heartbeat not answered',
  unauthenticated: 'not authenticated in time',
} as const;
export type Violation = keyof typeof violations;
