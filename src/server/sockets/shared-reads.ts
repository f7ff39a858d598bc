import { Socket, type SocketConstructorOpts } from 'node:net';

/** Creates an `onread` option for sockets that read into one shared buffer of `bytes` bytes. */
export function sharedReads(bytes: number) {
  const buffer = Buffer.allocUnsafeSlow(bytes);
  return {
    buffer,
    callback(this: Socket, length: number): boolean {
      this.emit('data', buffer.subarray(0, length));
      return true;
    },
  };
}

/** Undocumented fields of an accepted socket. */
interface Accepted extends Socket {
  _handle?: { useUserBuffer?: unknown } | null;
  _server?: unknown;
}

/**
 * Makes a newly accepted socket read into a shared buffer. Each `data` chunk is a view of this buffer, valid only until
 * the `data` listener returns. This avoids an allocation of 64 KiB per read and the stream machinery. Node has this
 * option (`onread`) for `new net.Socket` but not for a server, so the handle is moved to a new socket. On a Node
 * version without these internals, the accepted socket is returned unchanged. Source: `onread` of `new net.Socket`,
 * https://nodejs.org/api/net.html
 */
export function withSharedReads(accepted: Socket, onread: ReturnType<typeof sharedReads>): Socket {
  const { _handle: handle, _server: server } = accepted as Accepted;
  if (typeof handle?.useUserBuffer !== 'function') return accepted;
  const { allowHalfOpen } = accepted;
  const socket = new Socket({ handle, allowHalfOpen, onread } as SocketConstructorOpts);
  // When the socket closes, it informs the server, which counts its connections.
  Object.assign(socket, { _server: server });
  Object.assign(accepted, { _handle: null, _server: null });
  return socket;
}
