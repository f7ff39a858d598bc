import { createServer, type ListenOptions, type Server } from 'node:net';
import { type Address, endpointOf } from '../../net/address.js';
import { cannotListen } from '../../net/listen-error.js';
import { acceptQueued } from './accept-queued.js';
import type { Acceptor, ConnectionListener, OpenOptions } from './connection-listener.js';
import { acceptHandles } from './handle-socket.js';

const BACKLOG = 1024;

/** Opens a `node:net` listener, as `openListener` does. */
export function listenOnNet(
  address: Address,
  { where, reusePort }: OpenOptions,
  opened: (listener: ConnectionListener) => Acceptor,
): Promise<Address> {
  // A client may send FIN after its last request and still read the answers.
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  const options: ListenOptions & { reusePort: boolean } = { ...endpointOf(address), backlog: BACKLOG, reusePort };
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(where, error)));
    server.listen(options, () => {
      server.removeAllListeners('error');
      const bound = boundTo(server, address);
      const { allowsDirect, accept, onError } = opened({
        address: bound,
        acceptQueued: (isOver) => acceptQueued(server, isOver),
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
