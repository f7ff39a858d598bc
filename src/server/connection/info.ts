import type { Clock } from '../../common/clock.js';
import type { PeerInfo } from '../peer-info.js';
import type { NegotiatedHello } from '../protocol/negotiated.js';
import type { ConnectionSocket } from '../sockets/connection-socket.js';
import type { Outbox } from './outbox.js';

/** One connection, for people and programs that administer a server. */
export interface ConnectionInfo {
  /** Increases with each connection; unique for the life of the process. */
  id: number;
  /** Of the client; undefined for a Unix socket. */
  remoteAddress: string | undefined;
  remotePort: number | undefined;
  /** The proxy through which the client is connected and that reported `remoteAddress`. */
  proxyAddress?: string | undefined;
  /** The listener that accepted it, as `pong://HOST:PORT`. */
  listener: string;
  /** `undecided` until the first byte has arrived. */
  mode: 'undecided' | 'binary' | 'line';
  /** From HELLO, unescaped as the peer sent it: escape it for output. */
  name?: string;
  connectedAt: Date;
  /** Time of the last byte received; of `connectedAt` if there was none. */
  lastReceivedAt: Date;
  lastSentAt: Date;
  bytesIn: number;
  bytesOut: number;
  /** Frames, or lines in line mode. */
  framesIn: number;
  framesOut: number;
  /** PINGs of this server since the last data from the peer. */
  pingsOut: number;
  /** Round-trip times of this server's PINGs, in milliseconds. */
  roundTrip: { last: number; smoothed: number; min: number } | undefined;
  /** Bytes that are written and not yet read by the peer. */
  queuedBytes: number;
  /** PINGs that wait for their answer. */
  waiting: number;
  /** Open WATCHes. */
  watches: number;
  /** Whether it is exempt from the idle timeout. */
  protected: boolean;
}

/** Counters of a session. */
export interface SessionCounts {
  readonly mode: 'binary' | 'line';
  /** Frames or lines processed, and sent. */
  readonly framesIn: number;
  readonly framesOut: number;
  /** Open WATCHes; undefined in line mode. */
  readonly watching?: number;
}

/** The part of a connection that its info is made of; times in monotonic milliseconds. */
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
