import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { type Address, endpointOf } from '../../net/address.js';
import { cannotListen } from '../../net/listen-error.js';
import { acceptQueued } from './accept-queued.js';
import { acceptHandles, type HandleSocket } from './handle-socket.js';
import { openSocketFile, setMode } from './unix-socket.js';

const BACKLOG = 1024;

export interface OpenOptions {
  /** The address as configured, for error messages. */
  readonly where: string;
  /** Whether other threads may listen on the same port. */
  readonly reusePort: boolean;
  /** File mode of a Unix socket; undefined: set by the umask. */
  readonly mode: number | undefined;
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
  /** Whether a connection from this address may be a `HandleSocket`; undefined: none may. */
  readonly allowsHandle: ((address: string | undefined) => boolean) | undefined;
  accept(socket: Socket | HandleSocket): void;
  /** Called when a connection could not be accepted. */
  onError(code: string | undefined): void;
}

/**
 * Opens a `node:net` listener. `opened` is called before the first connection is accepted.
 *
 * @returns its address, with the assigned port in place of port 0.
 * @throws PongcheckError `PONGCHECK_LISTEN` if it cannot be opened.
 */
export async function openListener(
  address: Address,
  { where, reusePort, mode }: OpenOptions,
  opened: (listener: Listener) => Acceptor,
): Promise<Address> {
  // A client may send FIN after its last request and still read the answers.
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  let bound = address;
  const listen = () =>
    new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(where, error)));
      const options: ListenOptions & { reusePort: boolean } = { ...endpointOf(address), backlog: BACKLOG, reusePort };
      server.listen(options, () => {
        server.removeAllListeners('error');
        const listener = new NetListener(server, address);
        bound = listener.address;
        listener.start(opened(listener));
        resolve();
      });
    });
  await (address.kind === 'unix' ? openSocketFile(address.path, listen) : listen());
  // Connections that are accepted before this point are served.
  if (address.kind === 'unix' && mode !== undefined) await setMode(address.path, mode);
  return bound;
}

class NetListener implements Listener {
  readonly address: Address;

  constructor(
    private readonly server: Server,
    address: Address,
  ) {
    const local = server.address();
    this.address =
      address.kind !== 'unix' && typeof local === 'object' && local ? { ...address, port: local.port } : address;
  }

  start({ allowsHandle, accept, onError }: Acceptor): void {
    this.server.on('connection', accept);
    this.server.on('error', ({ code }: NodeJS.ErrnoException) => onError(code));
    if (allowsHandle) acceptHandles(this.server, allowsHandle);
  }

  acceptQueued(isOver: () => boolean): Promise<void> {
    return acceptQueued([this.server], isOver);
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.server.close(resolve));
  }
}
