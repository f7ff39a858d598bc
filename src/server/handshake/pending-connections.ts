import type { Socket } from 'node:net';
import type { Clock } from '../../common/clock.js';
import { Sweeper } from '../../liveness/sweeper.js';
import type { ListenerContext } from '../connection/session.js';
import type { PeerInfo } from '../peer-info.js';
import { afterNextPoll } from '../sockets/after-next-poll.js';
import { type HandshakeContext, PendingConnection } from './pending.js';
import type { TlsHandshaker } from './tls-handshaker.js';

/** The part of the server that takes over connections after their handshake. */
export interface ConnectionAcceptor {
  reserve(socket: Socket, address: string | undefined, shared: ListenerContext): boolean;
  admit(socket: Socket, shared: ListenerContext, origin: PeerInfo | undefined): void;
  /** Called when a connection is no longer pending. */
  onHandshakeEnded(): void;
  /** Called when a connection that was not admitted is closed. */
  release(): void;
}

/** The connections of all listeners whose PROXY header or TLS handshake is not complete. */
export class PendingConnections {
  private readonly sweeper: Sweeper<PendingConnection>;

  constructor(
    private readonly acceptor: ConnectionAcceptor,
    limits: ListenerContext['limits'],
    private readonly clock: Clock,
  ) {
    this.sweeper = new Sweeper(clock);
    this.sweeper.watch(limits.handshake);
  }

  /** Connections that are counted for the address of their client. */
  withAddress(): PendingConnection[] {
    return [...this.sweeper.members].filter(({ hasAddress }) => hasAddress);
  }

  add(socket: Socket, context: HandshakeContext, needsHeader: boolean): void {
    context.stats.arriving++;
    this.sweeper.add(new PendingConnection(socket, context, needsHeader));
  }

  /**
   * Stops with the server. Handshakes in progress may complete until `until` (monotonic milliseconds), because a
   * request may follow in the same data. The others are then destroyed. Resolves when no connection is left.
   */
  async close(until: number): Promise<void> {
    const { members } = this.sweeper;
    if (members.size === 0) return;
    const isInProgress = () => [...members].some(({ hasData }) => hasData) && this.clock.now() < until;
    do await afterNextPoll();
    while (isInProgress());
    for (const pending of members) pending.destroy('drained');
  }

  /** The context for the handshakes of one listener. `tls` is undefined for plain text. */
  context(shared: ListenerContext, tls: TlsHandshaker | undefined): HandshakeContext {
    const { acceptor } = this;
    const { clock, peerLog, limits, stats } = shared;
    const remove = (pending: PendingConnection) => {
      if (!this.sweeper.members.has(pending)) return false;
      stats.arriving--;
      this.sweeper.delete(pending);
      acceptor.onHandshakeEnded();
      return true;
    };
    return {
      tls,
      stats,
      handshake: limits.handshake,
      linger: limits.linger,
      now: () => clock.now(),
      reserve: (socket, address) => acceptor.reserve(socket, address, shared),
      admit: (pending, socket, origin) => {
        remove(pending);
        acceptor.admit(socket, shared, origin);
      },
      onReject: (pending, reason, description) => {
        stats.accepted++;
        stats.closed[reason]++;
        // Descriptions of invalid PROXY headers contain numbers, so the log groups them by reason.
        if (description) peerLog.log(description, pending, reason === 'proxy-header' ? { kind: reason } : {});
      },
      onClosed: (pending) => {
        if (remove(pending)) acceptor.release();
      },
    };
  }
}
