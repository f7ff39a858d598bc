import type { TLSSocket } from 'node:tls';
import { type ConnectionSocket, READ_BYTES } from './connection-socket.js';

/**
 * A buffer for the answers to one read. The kernel usually accepts all of them immediately, so the next read can use
 * the same buffer, which saves an allocation of up to 64 KiB per read.
 */
export class SharedCopy {
  private buffer: Buffer | undefined;
  /** The view for the last copy. The next copy often has the same length. */
  private view: Buffer | undefined;
  private user: ConnectionSocket | undefined;

  /**
   * Copies `bytes` for a write to `socket`, which must be followed by `release`. Allocates another buffer if this one
   * is in use.
   */
  copy(bytes: Buffer, socket: ConnectionSocket): Buffer {
    if (socket.copiesUnsent) return bytes;
    const isFree = this.user === undefined && bytes.length <= READ_BYTES && socket.writableLength === 0;
    // A TLS socket never finishes with the bytes immediately.
    if (!isFree || (socket as Partial<TLSSocket>).encrypted) return Buffer.from(bytes);
    this.user = socket;
    this.buffer ??= Buffer.allocUnsafeSlow(READ_BYTES);
    if (this.view?.length !== bytes.length) this.view = this.buffer.subarray(0, bytes.length);
    this.view.set(bytes);
    return this.view;
  }

  /**
   * Must be called when all copies for `socket` have been written or dropped. The buffer stays in use while the kernel
   * has not accepted everything.
   */
  release(socket: ConnectionSocket): void {
    if (this.user !== socket) return;
    this.user = undefined;
    if (socket.writableLength === 0) return;
    this.buffer = undefined;
    this.view = undefined;
  }
}
