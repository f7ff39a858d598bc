import type { EventEmitter } from 'node:events';
import type { Clock } from '../../common/clock.js';
import type { Log } from '../../common/log.js';
import type { Sweepable } from '../../liveness/sweeper.js';
import type { TimeLimit } from '../../liveness/time-limit.js';
import type { Tokens } from '../../net/tokens.js';
import type { LogOptions, PeerLog } from '../peer-log.js';
import type { NegotiatedHello } from '../protocol/negotiated.js';
import type { PushQueue } from '../protocol/push-queue.js';
import type { Responder } from '../protocol/responder.js';
import type { ServerSettings } from '../settings.js';
import type { CloseReason, Pause, ServerStats } from '../stats.js';
import type { ConnectionInfo } from './info.js';

/** What happens on a server, for who wants to know. */
export interface ServerEvents {
  connect: [connection: ConnectionInfo];
  /** So many PONGs, or answers to lines, were given in one go. */
  ping: [connection: ConnectionInfo, count: number];
  /** `errno`: the system's code, where there was one. */
  close: [connection: ConnectionInfo, reason: CloseReason, errno: string | undefined];
}

/** What all connections of a listener share. */
export interface ListenerContext {
  /** Where it listens, as `pong://HOST:PORT`. */
  readonly listener: string;
  readonly clock: Clock;
  readonly log: Log;
  /** A reload replaces these, down to `limits`. */
  settings: ServerSettings;
  /** What may be shown in HELLO; undefined: nobody asks for it. */
  tokens: Tokens | undefined;
  /** Nothing is answered here before a right token was shown. */
  requireToken: boolean;
  limits: Readonly<Record<'idle' | 'frame' | 'stall' | 'linger' | 'handshake', TimeLimit>>;
  readonly stats: ServerStats;
  readonly events: EventEmitter<ServerEvents>;
  readonly responder: Responder;
  readonly complaints: PeerLog;
  readonly pushes: PushQueue;
  /** A TLS handshake came to this plain listener, and that was logged: once is enough. */
  tlsTold: boolean;
  /** Something of the connection may be due sooner than it told the sweeper. */
  wake(connection: Sweepable): void;
  /** The connection is gone. */
  forget(connection: Sweepable): void;
}

/** The connection as its session uses it. */
export interface SessionHost {
  readonly shared: ListenerContext;
  /** What HELLO agreed on; undefined before. */
  readonly greeting: NegotiatedHello | undefined;
  /** No further input may be processed now. */
  readonly held: boolean;
  /** Whether the client may see details. */
  readonly mayDetail: boolean;
  /** Why this peer is not authorized (yet); undefined once it is. */
  readonly unauthorizedReason: string | undefined;
  /** The token with this digest was shown, and is a valid one. */
  authenticated(digest: Buffer): void;
  /** HELLO came, and this was negotiated. */
  onHello(greeting: NegotiatedHello): void;
  /** Logs a protocol violation by the peer, rate-limited. Never include text from the peer. */
  report(description: string, manner?: LogOptions): void;
  /** Sends at the end of this turn, all in one write. */
  send(bytes: Buffer): void;
  /** A frame that no request waits for may be sent: the peer has taken what was sent before. */
  readonly mayPush: boolean;
  /** Bytes that have not left: gathered in this turn, or waiting for the peer. */
  readonly queued: number;
  /** Calls back when the kernel has taken what is written; never once the connection closes. */
  whenTaken(taken: () => void): void;
  /** `count` more PINGs wait, with `bytes` of reports to come. */
  wait(count: number, bytes: number): void;
  /** `count` PINGs were answered in this call. */
  answered(count: number): void;
  /** `count` PINGs wait no more. */
  waited(count: number, bytes: number): void;
  /** PINGs that may still come before reading pauses. */
  readonly room: number;
  /** Pauses reading until the next turn of the event loop. */
  yieldTurn(): void;
  pause(why: Pause): void;
  /** Takes no more input; closes for `reason` when every waiting PING is answered. */
  finish(reason: CloseReason): void;
  /** Closes now: answers waiting PINGs with what is known, then sends the final frame and FIN. */
  close(reason: CloseReason, finalFrame?: Buffer): void;
}

/** What is made of the octets once the first of them has said which mode it is. */
export interface Session {
  readonly mode: 'binary' | 'line';
  /** Takes the next chunk; the one before has been worked through. It is lent, until `keep`. */
  push(chunk: Buffer): void;
  /** Copies what of the chunk is not worked through. */
  keep(): void;
  /** Works through what was pushed, as far as the connection is not held; called again when it is held no more. */
  proceed(now: number): void;
  /** The peer will send nothing more. */
  ended(now: number): void;
  /** A frame or a line has begun and is not complete. */
  readonly inside: boolean;
  /** Rises with each frame or line that can be found unfinished. */
  readonly begun: number;
  /** How many frames or lines have been judged, and sent. */
  readonly judged: number;
  readonly sent: number;
  /** WATCHes that are open; only a mode that has them. */
  readonly watching?: number;
  /** Tells those who watch what they do not know yet, as far as output may wait: the server takes its leave. False: there is more. */
  flushUpdates?(): boolean;
  /** No STATUS follows. */
  cancelWatches?(): void;
  /** Answers every waiting PING with what is known now. */
  settle(): void;
  /** Forgets every waiting PING. */
  abandon(): void;
  /** The peer broke one of the limits of time; its last words, if its mode has any. */
  finalFrame(limit: Violation): Buffer | undefined;
  /** Sends a PING of the server's own; only a mode that has them. */
  sendPing?(now: number): void;
  /** The server has paused reading for `ms` milliseconds. */
  credit(ms: number, now: number): void;
  /** Another rate may hold from now on. */
  limitRate(now: number): void;
  /** The token that was shown is not a right one any more: closes. Only a mode that has tokens. */
  revoke?(): void;
}

/** The limits of time that a peer can break, each with what the peer and the log are told of it. */
export const violations = {
  idle: 'nothing came for the idle timeout',
  frame: 'a frame or line was begun and not completed in time',
  stall: 'the answers were not read',
  dead: 'the heartbeat was not answered',
  unauthorizedReason: 'no right to ask was shown in time',
} as const;
export type Violation = keyof typeof violations;
