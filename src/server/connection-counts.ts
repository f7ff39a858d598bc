import type { ConnectionSocket } from './sockets/connection-socket.js';
import { PerAddress } from './sockets/per-address.js';

/** Connections per address. */
export interface AddressCounts {
  /** Counts `socket` for `address` until it closes; false, and it is not counted, if `limit` is reached. */
  reserve(socket: Pick<ConnectionSocket, 'once'>, address: string, limit: number): boolean;
}

/** A count with a limit. */
export interface LimitedCount {
  /** Counts one more; false, and it is not counted, if `limit` is reached. */
  reserve(limit: number): boolean;
  /** Counts one less. */
  release(): void;
}

/** Ids and counts of connections, over all threads that accept them. */
export interface ConnectionCounts {
  /** Larger with each call. */
  nextId(): number;
  /** All that are not closed. */
  readonly connections: LimitedCount;
  /** Those in the PROXY header or TLS handshake. */
  readonly handshakes: LimitedCount;
  /** Starts to count per address, from zero. */
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
