import type { Address } from '../../net/address.js';
import { hasBun, listenOnBun } from './bun-socket.js';
import type { Acceptor, ConnectionListener, OpenOptions } from './connection-listener.js';
import { listenOnNet } from './net-listener.js';
import { openSocketFile, setMode } from './unix-socket.js';

interface Options extends OpenOptions {
  /** File mode of a Unix socket; undefined: set by the umask. */
  readonly mode: number | undefined;
  /** Whether some connections must be a `net.Socket`, for TLS or a PROXY header. */
  readonly needsStreams: boolean;
}

/**
 * Opens a listener. `opened` is called before the first connection is accepted.
 *
 * @returns the address of the listener, with the assigned port in place of port 0.
 * @throws PongcheckError `PONGCHECK_LISTEN` if it cannot be opened.
 */
export async function openListener(
  address: Address,
  { mode, needsStreams, ...options }: Options,
  opened: (listener: ConnectionListener) => Acceptor,
): Promise<Address> {
  const listenOn = hasBun && !needsStreams ? listenOnBun : listenOnNet;
  const listen = () => listenOn(address, options, opened);
  if (address.kind !== 'unix') return listen();
  await openSocketFile(address.path, listen);
  // Connections that are accepted before this point are served.
  if (mode !== undefined) await setMode(address.path, mode);
  return address;
}
