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
  /** `count` PONGs, or answers to lines, were sent together. */
  ping: [connection: ConnectionInfo, count: number];
  /** `errno`: the system's error code, if there was one. */
  close: [connection: ConnectionInfo, reason: CloseReason, errno: string | undefined];
}

/** Settings and services shared by all connections of a listener. */
export interface ListenerContext {
  /** Its address, as `pong://HOST:PORT`. */
  readonly listener: string;
  readonly clock: Clock;
  readonly log: Log;
  /** A reload replaces these, down to `limits`. */
  settings: ServerSettings;
  /** Tokens accepted in HELLO; undefined: tokens are not checked. */
  tokens: Tokens | undefined;
  /** Requests are answered only after a valid token. */
  requireToken: boolean;
  limits: Readonly<Record<'idle' | 'frame' | 'stall' | 'linger' | 'handshake', TimeLimit>>;
  readonly stats: ServerStats;
  readonly events: EventEmitter<ServerEvents>;
  readonly responder: Responder;
  readonly peerLog: PeerLog;
  readonly pushes: PushQueue;
  /** A TLS handshake on this plain listener was logged; that is done once. */
  isTlsWarned: boolean;
  /** Returns the id of the next connection. */
  nextId(): number;
  /** The connection may need a check earlier than its last `onTick` returned. */
  wake(connection: Sweepable): void;
  /** The client has sent its first HELLO. */
  onHello(connection: Sweepable): void;
  /** The connection is closed. */
  onClosed(connection: Sweepable): void;
}

/** The connection as its session uses it. */
export interface SessionHost {
  readonly shared: ListenerContext;
  /** Address of the client, also behind a proxy; undefined for a Unix socket. */
  readonly remoteAddress: string | undefined;
  /** Rate limit of frames and lines; undefined: unlimited. */
  readonly bucket: RateBucket | undefined;
  /** Result of the client's HELLO; undefined before. */
  readonly hello: NegotiatedHello | undefined;
  /** Reading is paused or the connection closes: no further input may be processed now. */
  readonly isReadingStopped: boolean;
  /** Whether the client may see details. */
  readonly mayDetail: boolean;
  /** Why this peer is not authorized (yet); undefined once it is. */
  readonly unauthorizedReason: string | undefined;
  /** The client has sent the valid token with this digest. */
  onAuthenticated(digest: Buffer): void;
  /** The client has sent its first HELLO. */
  onHello(hello: NegotiatedHello): void;
  /** Logs a protocol violation by the peer, rate-limited. Never include text from the peer. */
  report(description: string, options?: LogOptions): void;
  /** Sends at the end of this turn, all in one write. */
  send(bytes: Buffer): void;
  /** As `send`, while input is processed, for bytes that are valid only now. */
  sendCopy(bytes: Buffer): void;
  /** An update that no request waits for may be sent: the peer has read what was sent before. */
  readonly mayPush: boolean;
  /** Bytes that the kernel has not accepted: gathered in this turn, or written and unsent. */
  readonly queued: number;
  /** Calls `sent` when the kernel has accepted all that is written; never once the connection closes. */
  whenSent(sent: () => void): void;
  /** `count` more PINGs wait, with `bytes` of reports to come. */
  addPending(count: number, bytes: number): void;
  /** `count` pending PINGs are answered or abandoned. */
  removePending(count: number, bytes: number): void;
  /** PINGs that may still become pending before reading pauses. */
  readonly capacity: number;
  /** `count` PINGs have just been answered. */
  onAnswered(count: number): void;
  /** Pauses reading until the next turn of the event loop, so that other connections are served. */
  yieldTurn(): void;
  pause(why: Pause): void;
  /** Processes no more input; closes for `reason` when every pending PING is answered. */
  finish(reason: CloseReason): void;
  /** Closes now: answers pending PINGs with the latest known status, then sends the final frame and FIN. */
  close(reason: CloseReason, finalFrame?: Buffer): void;
}

/** Processes the input of one connection, in the mode that its first byte has selected. */
export interface Session extends SessionCounts {
  /** Takes the next chunk, after the one before has been processed. It is valid until the call returns, or `keep`. */
  push(chunk: Buffer): void;
  /** Copies the unprocessed part of the chunk. */
  keep(): void;
  /** Processes the chunk until reading is stopped; called again when it resumes. */
  proceed(now: number): void;
  /** The peer has sent FIN. */
  onFin(now: number): void;
  /** A frame or a line has begun and is not complete. */
  readonly hasPartial: boolean;
  /** Different for each frame or line that can be partial. */
  readonly partialId: number;
  /** Sends due STATUS frames, up to `maxQueuedBytes`; false if some remain. Only in a mode with WATCH. */
  flushUpdates?(): boolean;
  /** Ends all WATCHes; no STATUS follows. */
  cancelWatches?(): void;
  /** Answers every pending PING with the latest known status. */
  settle(): void;
  /** Drops every pending PING without an answer. */
  abandon(): void;
  /** The frame to send before closing for `violation`; undefined in a mode without one. */
  finalFrame(violation: Violation): Buffer | undefined;
  /** Sends a heartbeat PING. Only in a mode with heartbeats. */
  sendPing?(now: number): void;
  /** Closes because the client's token is no longer valid. Only in a mode with tokens. */
  revoke?(): void;
}

/** Time limits that a peer can exceed, each with the text for the log and the final frame. */
export const violations = {
  idle: 'no data within the idle timeout',
  frame: 'frame or line not completed in time',
  stall: 'answers not read in time',
  dead: 'heartbeat not answered',
  unauthenticated: 'not authenticated in time',
} as const;
export type Violation = keyof typeof violations;
