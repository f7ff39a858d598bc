import type { Socket } from 'node:net';
import type { Clock } from '../../common/clock.js';
import { Sweeper } from '../../liveness/sweeper.js';
import type { ListenerContext } from '../connection/session.js';
import type { PeerInfo } from '../peer-info.js';
import { afterNextPoll } from '../sockets/after-next-poll.js';
import { type HandshakeContext, PendingConnection } from './pending.js';
import type { TlsHandshaker } from './tls-handshaker.js';

/** Where arrivals go. */
export interface ConnectionAcceptor {
  claim(socket: Socket, address: string | undefined, shared: ListenerContext): boolean;
  admit(socket: Socket, shared: ListenerContext, origin: PeerInfo | undefined): void;
}

/** The connections of all listeners that owe a PROXY header or are in a TLS handshake. */
export class PendingConnections {
  private readonly sweeper: Sweeper<PendingConnection>;

  constructor(
    private readonly house: ConnectionAcceptor,
    limits: ListenerContext['limits'],
    private readonly clock: Clock,
  ) {
    this.sweeper = new Sweeper(clock);
    this.sweeper.watch(limits.handshake);
  }

  get size(): number {
    return this.sweeper.members.size;
  }

  take(socket: Socket, gate: HandshakeContext, owesHeader: boolean): void {
    gate.stats.arriving++;
    this.sweeper.add(new PendingConnection(socket, gate, owesHeader));
  }

  /**
   * The server stops: a question may already wait behind a handshake, so those that are under way may come in until
   * `until`, a moment of the monotonic clock. Resolves when nobody is left here.
   */
  async close(until: number): Promise<void> {
    const { members } = this.sweeper;
    if (members.size === 0) return;
    const isWaitedFor = () => [...members].some((arrival) => arrival.isUnderWay) && this.clock.now() < until;
    do await afterNextPoll();
    while (isWaitedFor());
    for (const arrival of members) arrival.destroy('drained');
  }

  /** How they come to one listener; with `tls` over TLS. */
  gate(shared: ListenerContext, tls: TlsHandshaker | undefined): HandshakeContext {
    const { house } = this;
    const { clock, complaints, limits, stats } = shared;
    const leave = (arrival: PendingConnection) => {
      if (this.sweeper.members.has(arrival)) stats.arriving--;
      this.sweeper.delete(arrival);
    };
    return {
      tls,
      stats,
      handshake: limits.handshake,
      linger: limits.linger,
      now: () => clock.now(),
      claim: (socket, address) => house.claim(socket, address, shared),
      admit: (arrival, socket, origin) => {
        leave(arrival);
        house.admit(socket, shared, origin);
      },
      reject: (arrival, reason, complaint) => {
        stats.accepted++;
        stats.closed[reason]++;
        // What is wrong with a PROXY header is told with its numbers, of which there are many.
        if (complaint) complaints.tell(complaint, arrival, reason === 'proxy-header' ? { kind: reason } : {});
      },
      gone: leave,
    };
  }
}
