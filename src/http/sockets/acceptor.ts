import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../common/clock.js';
import type { Log } from '../../common/log.js';
import type { HttpCloseReason, HttpRefusal, HttpStats } from '../../metrics/http-stats.js';
import { addressBucket } from '../../net/address-bucket.js';
import { PeerLog } from '../../server/peer-log.js';
import { PerAddress } from '../../server/sockets/per-address.js';
import { sharedReads, withSharedReads } from '../../server/sockets/shared-reads.js';
import type { Turns } from '../turns.js';
import { HttpConnection, type HttpConnectionEvents, READ_BYTES } from './http-connection.js';
import { TlsHandshakes } from './tls-handshakes.js';

/** Silence after which a connection is closed, in milliseconds: above the 60 s after which load balancers do it, so that they are first. */
export const KEEP_ALIVE_TIMEOUT = 72_000;
const HANDSHAKE_TIMEOUT = 5000;
/** A client that takes none of its answer for this long is closed. */
const UNREAD_TIMEOUT = 10_000;
/** It may be closed sooner where others need the room. */
const UNREAD_ROOM = 1000;
/** From one look for connections that are over a limit to the next. */
const LOOK_INTERVAL = 1000;
/** A look that comes later than this tells of a stall of the own loop: what arrived meanwhile is read first. */
const STALL = 500;

const reads = sharedReads(READ_BYTES);

const descriptions: Readonly<Record<HttpCloseReason | HttpRefusal, string>> = {
  'max-connections': 'an HTTP connection was refused: http.maxConnections are open and busy',
  'max-connections-per-address':
    'an HTTP connection was refused: http.maxConnectionsPerAddress are open from its address',
  'made-room-unused': 'http.maxConnections are open: the oldest that has sent no request was closed',
  'made-room-idle': 'http.maxConnections are open: the one that has been idle the longest was closed',
  'made-room-unread': 'http.maxConnections are open: one that does not read its answer was closed',
  'handshake-timeout': 'an HTTP connection was closed: its TLS handshake was not complete in time',
  'request-timeout': 'an HTTP connection was closed: a request that it began was not complete in time',
  'idle-timeout': 'an HTTP connection was closed: it was idle for too long',
  unread: 'an HTTP connection was closed: it does not read its answer',
  pipelining: 'an HTTP connection was closed: it sent too many requests without waiting for an answer',
};

export interface AcceptorOptions {
  readonly maxConnections: number;
  /** 0 = unlimited. */
  readonly maxConnectionsPerAddress: number;
  /** Bits of an IPv6 address that count there. */
  readonly ipv6Prefix: number;
  readonly turns: Turns;
  readonly stats: HttpStats;
  readonly clock: Clock;
  readonly log: Log;
  /** How the log calls the server. */
  readonly listener: string;
}

/** Connections in one state, the oldest first, with a moment since when each has been in it. */
class Line {
  private readonly since = new Map<HttpConnection, number>();

  constructor(
    readonly limit: number,
    readonly reason: HttpCloseReason,
  ) {}

  get oldest(): readonly [HttpConnection, number] | undefined {
    const [first] = this.since;
    return first;
  }

  enter(connection: HttpConnection, now: number): void {
    this.since.delete(connection);
    this.since.set(connection, now);
  }

  leave(connection: HttpConnection): void {
    this.since.delete(connection);
  }
}

/** The connections of one HTTP server: how many there may be, which of them make room for another, and how long each may do nothing. */
export class Acceptor implements HttpConnectionEvents {
  private readonly connections = new Set<HttpConnection>();
  private readonly lines = {
    /** No request has come yet: silent, in a TLS handshake, or with a part of the first one. */
    unused: new Line(KEEP_ALIVE_TIMEOUT, 'idle-timeout'),
    handshaking: new Line(HANDSHAKE_TIMEOUT, 'handshake-timeout'),
    idle: new Line(KEEP_ALIVE_TIMEOUT, 'idle-timeout'),
    unread: new Line(UNREAD_TIMEOUT, 'unread'),
  };
  private readonly perAddress = new PerAddress();
  private readonly peerLog: PeerLog;
  /** Node's own listener, which parses. */
  private readonly speakHttp: (connection: HttpConnection) => void;
  private readonly handshakes: TlsHandshakes | undefined;
  private timer: Timer;
  private lookAt = 0;

  /** Takes the connections of `server` from it, and hands them to its parser when they have something to say. */
  constructor(
    server: Server,
    isTls: boolean,
    private readonly options: AcceptorOptions,
  ) {
    const { clock, log, listener, stats, maxConnections } = options;
    stats.limit = maxConnections;
    this.peerLog = new PeerLog(log, clock, listener);
    if (isTls) {
      const tooLate = (connection: HttpConnection) => this.close(connection, 'handshake-timeout');
      this.handshakes = new TlsHandshakes(server, options.turns, clock, tooLate);
    }
    const event = isTls ? 'secureConnection' : 'connection';
    const [speak] = server.listeners(event);
    this.speakHttp = (connection) => speak?.call(server, connection);
    server.removeAllListeners(event);
    if (this.handshakes) server.on(event, (socket: Socket) => this.secured(socket));
    server.on('connection', (socket: Socket) => this.accept(socket));
    const [answer] = server.listeners('request');
    server.removeAllListeners('request');
    server.on('request', (request, response) => {
      const connection = request.socket as unknown as HttpConnection;
      if (connection.accepts(response)) answer?.call(server, request, response);
    });
    server.on('clientError', (error: NodeJS.ErrnoException, connection) => {
      if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT')
        this.count('request-timeout', connection as unknown as HttpConnection);
    });
  }

  /** Closes every connection. */
  destroy(): void {
    for (const connection of this.connections) connection.destroy();
  }

  // -- accept ----------------------------------------------------------------

  private accept(accepted: Socket): void {
    const { maxConnections, maxConnectionsPerAddress, ipv6Prefix, turns, stats } = this.options;
    const socket = this.handshakes ? accepted : withSharedReads(accepted, reads);
    const { remoteAddress } = socket;
    // It is gone already, and without an address it would pass for a local one.
    if (remoteAddress === undefined) return refuse(socket);
    const bucket = addressBucket(remoteAddress, ipv6Prefix) ?? remoteAddress;
    if (maxConnectionsPerAddress > 0 && !this.perAddress.reserve(socket, bucket, maxConnectionsPerAddress)) {
      return this.refuse(socket, 'max-connections-per-address');
    }
    if (this.connections.size >= maxConnections && !this.removeStaleSocket())
      return this.refuse(socket, 'max-connections');
    const connection = new HttpConnection(socket, turns, this);
    this.connections.add(connection);
    stats.open = this.connections.size;
    this.enter('unused', connection);
    if (this.handshakes) {
      this.enter('handshaking', connection);
      this.handshakes.add(connection);
    } else {
      connection.open(socket);
    }
    this.timer ??= this.arm();
  }

  private secured(socket: Socket): void {
    const connection = this.handshakes?.done(socket);
    if (!connection) return refuse(socket);
    this.lines.handshaking.leave(connection);
    connection.open(socket);
  }

  /** Closes the connection that is missed the least, if there is one. */
  private removeStaleSocket(): boolean {
    const { unused, idle, unread } = this.lines;
    const [stalled, since = 0] = unread.oldest ?? [];
    const canClose = stalled && this.options.clock.now() - since >= UNREAD_ROOM;
    if (unused.oldest) this.close(unused.oldest[0], 'made-room-unused');
    else if (idle.oldest) this.close(idle.oldest[0], 'made-room-idle');
    else if (canClose) this.close(stalled, 'made-room-unread');
    else return false;
    return true;
  }

  private refuse(socket: Socket, reason: HttpRefusal): void {
    this.options.stats.refused[reason]++;
    this.peerLog.log(descriptions[reason], socket);
    refuse(socket);
  }

  // -- what a connection says ------------------------------------------------

  serve(connection: HttpConnection): void {
    this.speakHttp(connection);
  }

  busy(connection: HttpConnection): void {
    this.lines.unused.leave(connection);
    this.lines.idle.leave(connection);
  }

  idle(connection: HttpConnection): void {
    this.enter('idle', connection);
  }

  sending(connection: HttpConnection): void {
    this.enter('unread', connection);
  }

  sent(connection: HttpConnection): void {
    this.lines.unread.leave(connection);
  }

  tooManyRequests(connection: HttpConnection): void {
    this.close(connection, 'pipelining');
  }

  closed(connection: HttpConnection): void {
    this.connections.delete(connection);
    this.options.stats.open = this.connections.size;
    for (const line of Object.values(this.lines)) line.leave(connection);
    this.handshakes?.delete(connection);
    if (this.connections.size > 0) return;
    this.options.clock.clear(this.timer);
    this.timer = undefined;
  }

  // -- limits of time --------------------------------------------------------

  private enter(line: keyof Acceptor['lines'], connection: HttpConnection): void {
    this.lines[line].enter(connection, this.options.clock.now());
  }

  private arm(): Timer {
    const { clock } = this.options;
    this.lookAt = clock.now() + LOOK_INTERVAL;
    return clock.after(LOOK_INTERVAL, () => this.look());
  }

  private look(): void {
    const now = this.options.clock.now();
    const isLate = now - this.lookAt > STALL;
    this.timer = this.arm();
    if (isLate) return;
    for (const line of Object.values(this.lines)) {
      for (let oldest = line.oldest; oldest && now - oldest[1] >= line.limit; oldest = line.oldest) {
        this.close(oldest[0], line.reason);
      }
    }
  }

  private close(connection: HttpConnection, reason: HttpCloseReason): void {
    this.count(reason, connection);
    connection.destroy();
  }

  private count(reason: HttpCloseReason, { remoteAddress }: { remoteAddress: string | undefined }): void {
    this.options.stats.closed[reason]++;
    // That an idle connection ends is no news.
    if (reason !== 'idle-timeout') this.peerLog.log(descriptions[reason], { remoteAddress });
  }
}

function refuse(socket: Socket): void {
  socket.on('error', () => {});
  socket.destroy();
}
