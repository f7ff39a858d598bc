import type { Socket } from 'node:net';
import type { Address } from '../../net/address.js';
import type { DirectSocket } from './connection-socket.js';

export interface OpenOptions {
  /** The address as configured, for error messages. */
  readonly where: string;
  /** Whether other threads may listen on the same port. */
  readonly reusePort: boolean;
}

/** An open listener for the connections of a server. */
export interface ConnectionListener {
  /** The address, with the assigned port in place of port 0. */
  readonly address: Address;
  /** Accepts connections that are queued in the kernel, until `isOver` at the latest. */
  acceptQueued(isOver: () => boolean): Promise<void>;
  /** Stops accepting. Resolves when the listener and its connections that are a `net.Socket` are closed. */
  close(): Promise<void>;
}

/** Receives the connections of a listener. */
export interface Acceptor {
  /** Whether a connection from this address may be a `DirectSocket`; undefined: none may. */
  readonly allowsDirect: ((address: string | undefined) => boolean) | undefined;
  accept(socket: Socket | DirectSocket): void;
  /** Called when a connection could not be accepted. */
  onError(code: string | undefined): void;
}
