import type { EventEmitter } from 'node:events';
import type { Clock } from '../clock.js';
import type { Limit } from '../link/limit.js';
import type { Tokens } from '../link/tokens.js';
import type { Log } from '../log.js';
import type { Complaints } from './complaints.js';
import type { Connection } from './connection.js';
import type { ConnectionInfo } from './info.js';
import type { PushQueue } from './push-queue.js';
import type { Responder } from './responder.js';
import type { ServerSettings } from './settings.js';
import type { CloseReason, ServerStats } from './stats.js';

/** What happens on a server, for who wants to know. */
export interface ServerEvents {
  connect: [connection: ConnectionInfo];
  /** So many PONGs, or answers to lines, were given in one go. */
  ping: [connection: ConnectionInfo, count: number];
  /** `errno`: the system's code, where there was one. */
  close: [connection: ConnectionInfo, reason: CloseReason, errno: string | undefined];
}

/** What all connections of a listener share. */
export interface Shared {
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
  limits: Readonly<Record<'idle' | 'frame' | 'stall' | 'linger' | 'handshake', Limit>>;
  readonly stats: ServerStats;
  readonly events: EventEmitter<ServerEvents>;
  readonly responder: Responder;
  readonly complaints: Complaints;
  readonly pushes: PushQueue;
  /** A TLS handshake came to this plain listener, and that was logged: once is enough. */
  tlsTold: boolean;
  /** Something of the connection may be due sooner than it told the sweeper. */
  wake(connection: Connection): void;
  /** The connection is gone. */
  forget(connection: Connection): void;
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
  pushLast?(): boolean;
  /** No STATUS follows. */
  unwatch?(): void;
  /** Answers every waiting PING with what is known now. */
  settle(): void;
  /** Forgets every waiting PING. */
  abandon(): void;
  /** The peer broke one of the limits of time; its last words, if its mode has any. */
  lastWords(limit: TimeLimit): Buffer | undefined;
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
export const timeLimits = {
  idle: 'nothing came for the idle timeout',
  frame: 'a frame or line was begun and not completed in time',
  stall: 'the answers were not read',
  dead: 'the heartbeat was not answered',
  barred: 'no right to ask was shown in time',
} as const;
export type TimeLimit = keyof typeof timeLimits;
