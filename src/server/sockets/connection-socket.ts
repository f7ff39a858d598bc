import type { Socket } from 'node:net';

/** Maximum bytes per read, the same as Node's default, which TLS uses. */
export const READ_BYTES = 65_536;

/** Receives the events of a socket. */
export interface SocketOwner {
  /** `chunk` is valid only during this call. */
  receive(chunk: Buffer): void;
  /** The peer has sent FIN. */
  onFin(): void;
  /** The kernel has accepted all that was written. */
  onProgress(): void;
  /** `onClosed` follows. */
  onError(code: string | undefined): void;
  onClosed(): void;
}

/** The part of `net.Socket` that a connection uses. */
export interface ConnectionSocket {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Bytes written that the kernel has not accepted. */
  readonly writableLength: number;
  readonly writable: boolean;
  readonly destroyed: boolean;
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

const kOwner = Symbol('owner');
interface OwnedSocket extends Socket {
  [kOwner]: SocketOwner;
}

/** Passes the events of `socket` to `owner`. The listeners are shared functions, because most connections are idle. */
export function attach(socket: Socket, owner: SocketOwner): void {
  (socket as OwnedSocket)[kOwner] = owner;
  socket.on('data', onData);
  socket.on('end', onEnd);
  socket.on('drain', onDrain);
  socket.on('error', onError);
  socket.on('close', onClose);
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
