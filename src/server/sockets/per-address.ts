import type { ConnectionSocket } from './connection-socket.js';

/** Number of open connections per address. */
export class PerAddress {
  private readonly counts = new Map<string, number>();

  /** Counts `socket` for `address` until it closes. Returns false without counting it if `limit` is reached. */
  reserve(socket: Pick<ConnectionSocket, 'once'>, address: string, limit: number): boolean {
    const count = this.counts.get(address) ?? 0;
    if (count >= limit) return false;
    this.counts.set(address, count + 1);
    socket.once('close', () => this.release(address));
    return true;
  }

  private release(address: string): void {
    const count = (this.counts.get(address) ?? 1) - 1;
    if (count === 0) this.counts.delete(address);
    else this.counts.set(address, count);
  }
}
