import { createServer, type ListenOptions as NetListenOptions, type Server, type Socket } from 'node:net';
import { type Address, endpointOf } from '../../net/address.js';
import { cannotListen } from '../../net/listen-error.js';
import { acceptQueued } from './accept-queued.js';
import type { DirectSocket } from './connection-socket.js';
import { acceptHandles } from './handle-socket.js';

const BACKLOG = 1024;

export interface ListenOptions {
  /** The address as configured, for error messages. */
  readonly where: string;
  /** Whether other threads may listen on the same port. */
  readonly reusePort: boolean;
}

/** An open listener. */
export interface Listener {
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

/** Opens a `node:net` listener, as `openListener` does. */
export function listenOnNet(
  address: Address,
  { where, reusePort }: ListenOptions,
  opened: (listener: Listener) => Acceptor,
): Promise<Address> {
  // A client may send FIN after its last request and still read the answers.
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  const options: NetListenOptions & { reusePort: boolean } = { ...endpointOf(address), backlog: BACKLOG, reusePort };
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(where, error)));
    server.listen(options, () => {
      server.removeAllListeners('error');
      const bound = boundTo(server, address);
      const { allowsDirect, accept, onError } = opened({
        address: bound,
        acceptQueued: (isOver) => acceptQueued([server], isOver),
        close: () => new Promise((resolve) => server.close(() => resolve())),
      });
      server.on('connection', accept);
      server.on('error', ({ code }: NodeJS.ErrnoException) => onError(code));
      if (allowsDirect) acceptHandles(server, allowsDirect);
      resolve(bound);
    });
  });
}

function boundTo(server: Server, address: Address): Address {
  const local = server.address();
  return address.kind !== 'unix' && typeof local === 'object' && local ? { ...address, port: local.port } : address;
}
