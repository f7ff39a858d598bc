import type { Address } from '../../net/address.js';
import { cannotListen } from '../../net/listen-error.js';
import { afterNextPoll } from './after-next-poll.js';
import type { Acceptor, ConnectionListener, OpenOptions } from './connection-listener.js';
import { chain, type DirectSocket, READ_BYTES, type SocketOwner } from './connection-socket.js';

/*
 * Sockets of Bun, at the level below its `node:net`. This file declares all members of Bun that are used.
 * https://bun.com/docs/runtime/networking/tcp
 */

interface Socket {
  data: BunSocket;
  /** Undefined for a Unix socket, as is `remotePort`. */
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  /**
   * Returns the number of bytes that the kernel has accepted, or -1 if the socket is closed or was reset by the peer.
   * If the kernel has not accepted all bytes, `drain` is called later.
   */
  write(bytes: Uint8Array): number;
  /** Sends FIN. */
  shutdown(): void;
  close(): void;
  /** Closes with RST. */
  terminate(): void;
  pause(): void;
  resume(): void;
  setNoDelay(enable: boolean): void;
  setKeepAlive(enable: boolean, idle: number): void;
}

interface Handlers {
  open(socket: Socket): void;
  data(socket: Socket, bytes: Uint8Array): void;
  drain(socket: Socket): void;
  /** Called when the peer has sent FIN before this side. Otherwise, only `close` is called. */
  end(socket: Socket): void;
  /** Called synchronously if a method closes the socket. */
  close(socket: Socket, error?: NodeJS.ErrnoException): void;
  /** Called when a handler has thrown an exception. The socket is then closed. */
  error(socket: Socket, error: Error): void;
  /** Type of the bytes passed to `data`. */
  binaryType: 'uint8array';
}

interface Bun {
  listen(
    options: ({ unix: string } | { hostname: string; port: number; reusePort: boolean }) & {
      allowHalfOpen: boolean;
      socket: Handlers;
    },
  ): { readonly port: number; stop(): void };
}

const { Bun: bun } = globalThis as { Bun?: Bun };
export const hasBun = bun !== undefined;

/** The handlers that all sockets share. */
const handlers: Omit<Handlers, 'open'> = {
  binaryType: 'uint8array',
  data: ({ data }, bytes) => data.onData(bytes),
  drain: ({ data }) => data.onDrain(),
  end: ({ data }) => data.onEnd(),
  close: ({ data }, error) => data.onClosed(error?.code),
  error: (_socket, error) => {
    process.nextTick(() => {
      throw error;
    });
  },
};

/** Opens a Bun listener, as `openListener` does. Each poll accepts all connections that are queued in the kernel. */
export async function listenOnBun(
  address: Address,
  { where, reusePort }: OpenOptions,
  opened: (listener: ConnectionListener) => Acceptor,
): Promise<Address> {
  let acceptor: Acceptor;
  const open = (socket: Socket) => acceptor.accept(new BunSocket(socket));
  const endpoint =
    address.kind === 'unix' ? { unix: address.path } : { hostname: address.host, port: address.port, reusePort };
  try {
    const listener = (bun as Bun).listen({ ...endpoint, allowHalfOpen: true, socket: { ...handlers, open } });
    const bound = address.kind === 'unix' ? address : { ...address, port: listener.port };
    acceptor = opened({ address: bound, acceptQueued: afterNextPoll, close: async () => listener.stop() });
    return bound;
  } catch (error) {
    throw cannotListen(where, error as NodeJS.ErrnoException);
  }
}

/**
 * All connections copy into this buffer, because Bun allocates new memory for each chunk, and creating a `Buffer` view
 * of new memory is slow.
 */
const readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);
let readView = readBuffer;

/**
 * A Bun socket for one connection of a server. It behaves like a half-open `net.Socket`, but has no streams or events.
 * It queues the bytes that the kernel does not accept.
 */
export class BunSocket implements DirectSocket {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly copiesUnsent = true;
  destroyed = false;
  bytesRead = 0;
  bytesWritten = 0;
  writableLength = 0;
  private owner: SocketOwner | undefined = undefined;
  private isEnding = false;
  /** Bytes that the kernel has not accepted; undefined if there are none. */
  private queue: Uint8Array[] | undefined = undefined;
  private corked: Uint8Array[] | undefined = undefined;
  private onSent: (() => void) | undefined = undefined;
  private onClose: (() => void) | undefined = undefined;

  constructor(
    /** Public for keep-alive. */
    readonly _handle: Socket,
  ) {
    _handle.data = this;
    _handle.setNoDelay(true);
    this.remoteAddress = _handle.remoteAddress;
    this.remotePort = _handle.remotePort;
  }

  get writable(): boolean {
    return !this.isEnding && !this.destroyed;
  }

  attach(owner: SocketOwner): void {
    this.owner = owner;
  }

  once(_event: 'close', listener: () => void): void {
    this.onClose = chain(this.onClose, listener);
  }

  setKeepAlive(enable: boolean, idle: number): void {
    this._handle.setKeepAlive(enable, idle);
  }

  // -- reading ---------------------------------------------------------------

  pause(): void {
    this._handle.pause();
  }

  resume(): void {
    this._handle.resume();
  }

  onData(bytes: Uint8Array): void {
    const { length } = bytes;
    this.bytesRead += length;
    if (length > READ_BYTES) return this.owner?.receive(Buffer.from(bytes.buffer, bytes.byteOffset, length));
    if (readView.length !== length) readView = readBuffer.subarray(0, length);
    readView.set(bytes);
    this.owner?.receive(readView);
  }

  onEnd(): void {
    this.owner?.onFin();
  }

  // -- writing ---------------------------------------------------------------

  write(bytes: Uint8Array, sent?: () => void): boolean {
    if (!this.writable) return false;
    if (this.corked) this.corked.push(bytes);
    else this.send(bytes);
    if (sent && this.queue) this.onSent = chain(this.onSent, sent);
    else if (sent) process.nextTick(sent);
    return true;
  }

  cork(): void {
    this.corked = [];
  }

  uncork(): void {
    const { corked } = this;
    this.corked = undefined;
    if (corked && this.writable) this.send(Buffer.concat(corked));
  }

  private send(bytes: Uint8Array): void {
    this.bytesWritten += bytes.length;
    this.writableLength += bytes.length;
    if (this.queue) this.queue.push(Buffer.from(bytes));
    else this.pass(bytes);
  }

  /** Writes `bytes`, which must be all unsent bytes, and queues those that the kernel does not accept. */
  private pass(bytes: Uint8Array): void {
    const accepted = this._handle.write(bytes);
    if (accepted < 0) return this.fail('EPIPE');
    this.writableLength -= accepted;
    this.queue = this.writableLength === 0 ? undefined : [Buffer.from(bytes.subarray(accepted))];
  }

  onDrain(): void {
    const { queue } = this;
    if (!queue) return;
    this.pass(queue.length === 1 ? (queue[0] as Uint8Array) : Buffer.concat(queue));
    if (this.queue || this.destroyed) return;
    const { onSent } = this;
    this.onSent = undefined;
    onSent?.();
    if (this.isEnding) this._handle.shutdown();
    this.owner?.onProgress();
  }

  /** Sends FIN after everything that was written. */
  end(): void {
    if (!this.writable) return;
    this.isEnding = true;
    if (!this.queue) this._handle.shutdown();
  }

  // -- closing ---------------------------------------------------------------

  destroy(): void {
    this._handle.close();
  }

  /** Destroys the connection with RST. */
  resetAndDestroy(): void {
    this._handle.terminate();
  }

  /** Closes the socket, because Bun does not close a paused socket when a write fails. */
  private fail(code: string): void {
    this.onClosed(code);
    this._handle.close();
  }

  onClosed(code: string | undefined): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.queue = undefined;
    this.writableLength = 0;
    process.nextTick(() => {
      if (code !== undefined) this.owner?.onError(code);
      this.onClose?.();
      this.owner?.onClosed();
    });
  }
}
