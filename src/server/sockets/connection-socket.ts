import type { Socket } from 'node:net';
import type { KeepAliveSocket } from '../../net/keep-alive.js';

/** Maximum number of bytes per read. Same as Node's default, which TLS uses. */
export const READ_BYTES = 65_536;

/** Receives the events of a socket. */
export interface SocketOwner {
  /** `chunk` is valid only during this call. */
  receive(chunk: Buffer): void;
  /** Called when the peer has sent FIN. */
  onFin(): void;
  /** Called when the kernel has accepted everything that was written. */
  onProgress(): void;
  /** Called before `onClosed`. */
  onError(code: string | undefined): void;
  onClosed(): void;
}

/** The members of `net.Socket` that a connection uses. */
export interface ConnectionSocket {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Number of bytes written but not accepted by the kernel. */
  readonly writableLength: number;
  readonly writable: boolean;
  readonly destroyed: boolean;
  /**
   * Whether a write copies the bytes that the kernel does not accept immediately, so that the caller may reuse the
   * buffer.
   */
  readonly copiesUnsent?: boolean;
  /** Calls `sent` when the kernel has accepted these and all earlier bytes. */
  write(bytes: Uint8Array, sent?: () => void): boolean;
  cork(): void;
  uncork(): void;
  pause(): void;
  resume(): void;
  end(): void;
  destroy(): void;
  resetAndDestroy(): void;
  once(event: 'close', listener: () => void): unknown;
}

/** A socket without streams or events, which calls its owner directly. */
export interface DirectSocket extends ConnectionSocket, KeepAliveSocket {
  attach(owner: SocketOwner): void;
}

export function isDirect(socket: ConnectionSocket): socket is DirectSocket {
  return 'attach' in socket;
}

/** Returns a function that calls `first`, if there is one, and then `second`. */
export function chain(first: (() => void) | undefined, second: () => void): () => void {
  if (!first) return second;
  return () => {
    first();
    second();
  };
}

const kOwner = Symbol('owner');
interface OwnedSocket extends Socket {
  [kOwner]: SocketOwner;
}

/** Passes the events of `socket` to `owner`. The listeners are shared functions, because most connections are idle. */
export function attach(socket: ConnectionSocket, owner: SocketOwner): void {
  if (isDirect(socket)) return socket.attach(owner);
  const stream = socket as OwnedSocket;
  stream[kOwner] = owner;
  stream.on('data', onData);
  stream.on('end', onEnd);
  stream.on('drain', onDrain);
  stream.on('error', onError);
  stream.on('close', onClose);
}

function onData(this: Socket, chunk: Buffer): void {
  (this as OwnedSocket)[kOwner].receive(chunk);
}

function onEnd(this: Socket): void {
  (this as OwnedSocket)[kOwner].onFin();
}

function onDrain(this: Socket): void {
  (this as OwnedSocket)[kOwner].onProgress();
}

function onError(this: Socket, error: NodeJS.ErrnoException): void {
  (this as OwnedSocket)[kOwner].onError(error.code);
}

function onClose(this: Socket): void {
  (this as OwnedSocket)[kOwner].onClosed();
}
