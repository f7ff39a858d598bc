import type { Address } from '../../net/address.js';
import { hasBun, listenOnBun } from './bun-socket.js';
import { type Acceptor, type Listener, type ListenOptions, listenOnNet } from './net-listener.js';
import { openSocketFile, setMode } from './unix-socket.js';

export interface OpenOptions extends ListenOptions {
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
  { where, reusePort, mode, needsStreams }: OpenOptions,
  opened: (listener: Listener) => Acceptor,
): Promise<Address> {
  const listenOn = hasBun && !needsStreams ? listenOnBun : listenOnNet;
  let bound = address;
  const listen = async () => {
    bound = await listenOn(address, { where, reusePort }, opened);
  };
  await (address.kind === 'unix' ? openSocketFile(address.path, listen) : listen());
  // Connections that are accepted before this point are served.
  if (address.kind === 'unix' && mode !== undefined) await setMode(address.path, mode);
  return bound;
}
