import type { Clock } from '../../common/clock.js';
import type { PeerInfo } from '../peer-info.js';
import type { NegotiatedHello } from '../protocol/negotiated.js';
import type { ConnectionSocket } from '../sockets/connection-socket.js';
import type { Outbox } from './outbox.js';

/** Information about one connection, for server administration. */
export interface ConnectionInfo {
  /** Increases with each connection. Unique within the process. */
  id: number;
  /** Address of the client; undefined for a Unix socket. */
  remoteAddress: string | undefined;
  remotePort: number | undefined;
  /** Address of the proxy through which the client is connected and which reported `remoteAddress`. */
  proxyAddress?: string | undefined;
  /** The listener that accepted the connection, as `pong://HOST:PORT`. */
  listener: string;
  /** `undecided` until the first byte has arrived. */
  mode: 'undecided' | 'binary' | 'line';
  /** Name from HELLO, exactly as the peer sent it. Escape it for output. */
  name?: string;
  connectedAt: Date;
  /** Time of the last received byte; equal to `connectedAt` if there was none. */
  lastReceivedAt: Date;
  lastSentAt: Date;
  bytesIn: number;
  bytesOut: number;
  /** Number of frames, or of lines in line mode. */
  framesIn: number;
  framesOut: number;
  /** Number of PINGs that this server has sent since data last arrived from the peer. */
  pingsOut: number;
  /** Round-trip times of this server's PINGs, in milliseconds. */
  roundTrip: { last: number; smoothed: number; min: number } | undefined;
  /** Number of bytes that are written but not yet read by the peer. */
  queuedBytes: number;
  /** Number of unanswered PINGs. */
  waiting: number;
  /** Number of open WATCHes. */
  watches: number;
  /** Whether the connection is exempt from the idle timeout. */
  protected: boolean;
}

/** Counters of a session. */
export interface SessionCounts {
  readonly mode: 'binary' | 'line';
  /** Number of frames or lines processed, and sent. */
  readonly framesIn: number;
  readonly framesOut: number;
  /** Number of open WATCHes; undefined in line mode. */
  readonly watching?: number;
}

/** The members of a connection from which its info is created. Times are in monotonic milliseconds. */
interface InfoSource {
  readonly id: number;
  readonly socket: ConnectionSocket;
  readonly shared: { readonly clock: Clock; readonly listener: string };
  readonly origin: PeerInfo | undefined;
  readonly remoteAddress: string | undefined;
  readonly mode: ConnectionInfo['mode'];
  readonly session: SessionCounts | undefined;
  readonly outbox: Outbox;
  readonly hello: NegotiatedHello | undefined;
  readonly connectedAt: number;
  readonly receivedAt: number;
  readonly pending: number;
  readonly isProtected: boolean;
}

export function connectionInfo(connection: InfoSource): ConnectionInfo {
  const { socket, shared, session, outbox, hello, origin } = connection;
  const wallOffset = shared.clock.wall() - shared.clock.now();
  const trips = hello?.heartbeat?.roundTrips;
  return {
    id: connection.id,
    remoteAddress: connection.remoteAddress,
    remotePort: origin?.source ? origin.source.port : socket.remotePort,
    ...(origin?.source && { proxyAddress: socket.remoteAddress }),
    listener: shared.listener,
    mode: connection.mode,
    ...(hello?.name !== undefined && { name: hello.name }),
    connectedAt: new Date(wallOffset + connection.connectedAt),
    lastReceivedAt: new Date(wallOffset + connection.receivedAt),
    lastSentAt: new Date(wallOffset + outbox.sentAt),
    bytesIn: socket.bytesRead,
    bytesOut: socket.bytesWritten,
    framesIn: session?.framesIn ?? 0,
    framesOut: session?.framesOut ?? 0,
    pingsOut: hello?.heartbeat?.pingsOut ?? 0,
    roundTrip:
      trips?.last === undefined
        ? undefined
        : { last: trips.last, smoothed: trips.smoothed as number, min: trips.min as number },
    queuedBytes: outbox.unsent,
    waiting: connection.pending,
    watches: session?.watching ?? 0,
    protected: connection.isProtected,
  };
}
