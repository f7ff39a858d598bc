import type { ConnectionSocket } from './sockets/connection-socket.js';
import { PerAddress } from './sockets/per-address.js';

/** Numbers of connections per address. */
export interface AddressCounts {
  /** Counts `socket` for `address` until it closes. Returns false without counting it if `limit` is reached. */
  reserve(socket: Pick<ConnectionSocket, 'once'>, address: string, limit: number): boolean;
}

/** A count with a limit. */
export interface LimitedCount {
  /** Increments the count. Returns false without incrementing it if `limit` is reached. */
  reserve(limit: number): boolean;
  /** Decrements the count. */
  release(): void;
}

/** Ids and counts of connections, for all threads that accept them. */
export interface ConnectionCounts {
  /** Returns a larger id on each call. */
  nextId(): number;
  /** All connections that are not closed. */
  readonly connections: LimitedCount;
  /** Connections whose PROXY header or TLS handshake is not complete. */
  readonly handshakes: LimitedCount;
  /** Starts counting per address, from zero. */
  perAddress(): AddressCounts;
}

class OwnCount implements LimitedCount {
  private count = 0;

  reserve(limit: number): boolean {
    if (this.count >= limit) return false;
    this.count++;
    return true;
  }

  release(): void {
    this.count--;
  }
}

let lastId = 0;

/** The counts of a server that accepts all connections on this thread. */
export class OwnCounts implements ConnectionCounts {
  readonly connections = new OwnCount();
  readonly handshakes = new OwnCount();

  nextId(): number {
    return ++lastId;
  }

  perAddress(): AddressCounts {
    return new PerAddress();
  }
}
