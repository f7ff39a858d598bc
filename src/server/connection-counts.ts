import type { Socket } from 'node:net';
import { PerAddress } from './sockets/per-address.js';

/** Connections per address. */
export interface AddressCounts {
  /** Counts `socket` for `address` until it closes; false, and it is not counted, if `limit` is reached. */
  reserve(socket: Socket, address: string, limit: number): boolean;
}

/** Ids and counts of connections, over all threads that accept them. */
export interface ConnectionCounts {
  /** Larger with each call. */
  nextId(): number;
  /** Counts one more connection; false, and it is not counted, if `limit` is reached. */
  reserve(limit: number): boolean;
  /** A counted connection is closed. */
  release(): void;
  /** Starts to count per address, from zero. */
  perAddress(): AddressCounts;
}

let lastId = 0;

/** The counts of a server that accepts all connections on this thread. */
export class OwnCounts implements ConnectionCounts {
  private open = 0;

  nextId(): number {
    return ++lastId;
  }

  reserve(limit: number): boolean {
    if (this.open >= limit) return false;
    this.open++;
    return true;
  }

  release(): void {
    this.open--;
  }

  perAddress(): AddressCounts {
    return new PerAddress();
  }
}
