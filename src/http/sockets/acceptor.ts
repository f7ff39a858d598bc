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

/**
 * Idle time in milliseconds after which a connection is closed. Longer than the 60 s of common load balancers, so that
 * they close first.
 */
export const KEEP_ALIVE_TIMEOUT_MS = 72_000;
const HANDSHAKE_TIMEOUT_MS = 5000;
/** Time in milliseconds after which a client that reads nothing of its response is disconnected. */
const UNREAD_TIMEOUT_MS = 10_000;
/** The same timeout at the connection limit, where another connection needs the slot. */
const UNREAD_EVICTION_MS = 1000;
/** Interval between checks for expired connections, in milliseconds. */
const CHECK_INTERVAL_MS = 1000;
/**
 * A check that is delayed by more than this follows an event loop stall, so data that arrived during the stall must be
 * read first.
 */
const STALL_MS = 500;

const reads = sharedReads(READ_BYTES);

const descriptions: Readonly<Record<HttpCloseReason | HttpRefusal, string>> = {
  'max-connections': 'refused an HTTP connection: http.maxConnections reached, and all are busy',
  'max-connections-per-address': 'refused an HTTP connection: http.maxConnectionsPerAddress reached',
  'made-room-unused': 'http.maxConnections reached: closed the oldest connection without a request',
  'made-room-idle': 'http.maxConnections reached: closed the connection that was idle the longest',
  'made-room-unread': 'http.maxConnections reached: closed a connection that does not read its response',
  'handshake-timeout': 'closed an HTTP connection: TLS handshake timed out',
  'request-timeout': 'closed an HTTP connection: request not completed in time',
  'idle-timeout': 'closed an HTTP connection: idle timeout',
  unread: 'closed an HTTP connection: it does not read its response',
  pipelining: 'closed an HTTP connection: too many requests without waiting for a response',
};

/** Connection limits of one HTTP server. A reload replaces them. */
export interface AcceptorLimits {
  /**
   * Maximum number of connections. At the limit, a new connection replaces one that is idle or has sent no request.
   * Default 1,000.
   */
  readonly maxConnections: number;
  /** Maximum number of connections from one IPv4 address or IPv6 network; 0 = unlimited. Default 0. */
  readonly maxConnectionsPerAddress: number;
  /** Prefix length of the IPv6 networks that `maxConnectionsPerAddress` counts, in bits. Default 64. */
  readonly ipv6Prefix: number;
}

export const defaultLimits: AcceptorLimits = { maxConnections: 1000, maxConnectionsPerAddress: 0, ipv6Prefix: 64 };

export interface AcceptorOptions {
  readonly isTls: boolean;
  readonly limits: AcceptorLimits;
  readonly turns: Turns;
  readonly stats: HttpStats;
  readonly clock: Clock;
  readonly log: Log;
  /** Name of the listener in log lines. */
  readonly listener: string;
}

/** Bun's server emits `connection` for its own sockets, whose requests it has already parsed. */
const BUN_PARSES = 'Bun accepts the connections itself: the limits and timeouts of HTTP connections do not apply';

/** Connections in one state, oldest first, with the monotonic time at which each entered the state. */
class StateQueue {
  private readonly since = new Map<HttpConnection, number>();

  constructor(
    readonly timeoutMs: number,
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

/** The connections of one HTTP server. Limits their number, evicts at the limit, and closes expired connections. */
export class Acceptor implements HttpConnectionEvents {
  limits: AcceptorLimits;
  private readonly connections = new Set<HttpConnection>();
  private readonly queues = {
    /** No complete request yet: no data, a TLS handshake in progress, or a partial request. */
    unused: new StateQueue(KEEP_ALIVE_TIMEOUT_MS, 'idle-timeout'),
    handshaking: new StateQueue(HANDSHAKE_TIMEOUT_MS, 'handshake-timeout'),
    idle: new StateQueue(KEEP_ALIVE_TIMEOUT_MS, 'idle-timeout'),
    unread: new StateQueue(UNREAD_TIMEOUT_MS, 'unread'),
  };
  private readonly perAddress = new PerAddress();
  private readonly peerLog: PeerLog;
  /** Node's own `connection` listener, which parses HTTP. */
  private readonly parseHttp: (connection: HttpConnection) => void;
  private readonly handshakes: TlsHandshakes | undefined;
  private timer: Timer;
  private checkDueAt = 0;

  /** Takes over the connections of `server`. Passes each one to Node's parser once data has arrived. */
  constructor(
    server: Server,
    private readonly options: AcceptorOptions,
  ) {
    const { isTls, clock, log, listener, stats } = options;
    this.limits = options.limits;
    stats.limit = this.limits.maxConnections;
    this.peerLog = new PeerLog(log, clock, listener);
    const event = isTls ? 'secureConnection' : 'connection';
    const [parse] = server.listeners(event);
    this.parseHttp = (connection) => parse?.call(server, connection);
    if (process.versions.bun !== undefined) {
      log.warn({ listener }, BUN_PARSES);
      return;
    }
    if (isTls) {
      const onTimeout = (connection: HttpConnection) => this.close(connection, 'handshake-timeout');
      this.handshakes = new TlsHandshakes(server, options.turns, clock, onTimeout);
    }
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

  setLimits(limits: AcceptorLimits): void {
    this.limits = limits;
    this.options.stats.limit = limits.maxConnections;
  }

  /** Closes all connections. */
  destroy(): void {
    for (const connection of this.connections) connection.destroy();
  }

  // -- accept ----------------------------------------------------------------

  private accept(accepted: Socket): void {
    const { turns, stats } = this.options;
    const { maxConnections, maxConnectionsPerAddress, ipv6Prefix } = this.limits;
    const socket = this.handshakes ? accepted : withSharedReads(accepted, reads);
    const { remoteAddress } = socket;
    // The socket is already closed. Without an address, it would count as loopback.
    if (remoteAddress === undefined) return destroyQuietly(socket);
    const bucket = addressBucket(remoteAddress, ipv6Prefix) ?? remoteAddress;
    // Also counted if there is no limit, because a reload may set one.
    if (!this.perAddress.reserve(socket, bucket, maxConnectionsPerAddress || Number.POSITIVE_INFINITY)) {
      return this.refuse(socket, 'max-connections-per-address');
    }
    // Evicts more than one only after a reload has lowered the limit.
    while (this.connections.size >= maxConnections) {
      if (!this.evict()) return this.refuse(socket, 'max-connections');
    }
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
    if (!connection) return destroyQuietly(socket);
    this.queues.handshaking.leave(connection);
    connection.open(socket);
  }

  /** Closes the least useful connection. Returns false if all are busy. */
  private evict(): boolean {
    const { unused, idle, unread } = this.queues;
    const [stalled, since = 0] = unread.oldest ?? [];
    const canEvict = stalled && this.options.clock.now() - since >= UNREAD_EVICTION_MS;
    if (unused.oldest) this.close(unused.oldest[0], 'made-room-unused');
    else if (idle.oldest) this.close(idle.oldest[0], 'made-room-idle');
    else if (canEvict) this.close(stalled, 'made-room-unread');
    else return false;
    return true;
  }

  private refuse(socket: Socket, reason: HttpRefusal): void {
    this.options.stats.refused[reason]++;
    this.peerLog.log(descriptions[reason], socket);
    destroyQuietly(socket);
  }

  // -- events of a connection ------------------------------------------------

  serve(connection: HttpConnection): void {
    this.parseHttp(connection);
  }

  busy(connection: HttpConnection): void {
    this.queues.unused.leave(connection);
    this.queues.idle.leave(connection);
  }

  idle(connection: HttpConnection): void {
    this.enter('idle', connection);
  }

  sending(connection: HttpConnection): void {
    this.enter('unread', connection);
  }

  sent(connection: HttpConnection): void {
    this.queues.unread.leave(connection);
  }

  tooManyRequests(connection: HttpConnection): void {
    this.close(connection, 'pipelining');
  }

  closed(connection: HttpConnection): void {
    this.connections.delete(connection);
    this.options.stats.open = this.connections.size;
    for (const queue of Object.values(this.queues)) queue.leave(connection);
    this.handshakes?.delete(connection);
    if (this.connections.size > 0) return;
    this.options.clock.clear(this.timer);
    this.timer = undefined;
  }

  // -- timeouts --------------------------------------------------------------

  private enter(state: keyof Acceptor['queues'], connection: HttpConnection): void {
    this.queues[state].enter(connection, this.options.clock.now());
  }

  private arm(): Timer {
    const { clock } = this.options;
    this.checkDueAt = clock.now() + CHECK_INTERVAL_MS;
    return clock.after(CHECK_INTERVAL_MS, () => this.closeExpired());
  }

  private closeExpired(): void {
    const now = this.options.clock.now();
    const isLate = now - this.checkDueAt > STALL_MS;
    this.timer = this.arm();
    if (isLate) return;
    for (const queue of Object.values(this.queues)) {
      for (let { oldest } = queue; oldest && now - oldest[1] >= queue.timeoutMs; oldest = queue.oldest) {
        this.close(oldest[0], queue.reason);
      }
    }
  }

  private close(connection: HttpConnection, reason: HttpCloseReason): void {
    this.count(reason, connection);
    connection.destroy();
  }

  private count(reason: HttpCloseReason, { remoteAddress }: { remoteAddress: string | undefined }): void {
    this.options.stats.closed[reason]++;
    // Idle timeouts are routine and not logged.
    if (reason !== 'idle-timeout') this.peerLog.log(descriptions[reason], { remoteAddress });
  }
}

function destroyQuietly(socket: Socket): void {
  socket.on('error', () => {});
  socket.destroy();
}
