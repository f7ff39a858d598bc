import type { Socket } from 'node:net';
import { READ_BYTES } from './shared-reads.js';

/**
 * Buffer for the answers to one read at a time. The kernel usually accepts them at once, and the buffer is used again:
 * that saves an allocation of up to 64 KiB per read.
 */
export class SharedCopy {
  private buffer: Buffer | undefined;
  private user: Socket | undefined;

  /** Copies `bytes` for a write to `socket`, which must be followed by `release`; into another buffer if this one is in use. */
  copy(bytes: Buffer, socket: Socket): Buffer {
    const isFree = this.user === undefined && bytes.length <= READ_BYTES && socket.writableLength === 0;
    // A TLS socket is never done with the bytes at once.
    if (!isFree || 'encrypted' in socket) return Buffer.from(bytes);
    this.user = socket;
    this.buffer ??= Buffer.allocUnsafeSlow(READ_BYTES);
    this.buffer.set(bytes);
    return this.buffer.subarray(0, bytes.length);
  }

  /** All copies for `socket` were written or dropped. What the kernel has not accepted keeps the buffer. */
  release(socket: Socket): void {
    if (this.user !== socket) return;
    this.user = undefined;
    if (socket.writableLength > 0) this.buffer = undefined;
  }
}
