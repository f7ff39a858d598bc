import type { TimeLimit } from '../../liveness/time-limit.js';
import type { ConnectionSocket } from '../sockets/connection-socket.js';
import { SharedCopy } from '../sockets/shared-copy.js';

/** Smaller buffers are concatenated. Larger buffers are written without a copy, so that all peers share one report. */
const SMALL_BYTES = 512;

const copies = new SharedCopy();

/** Output of one connection. It is gathered during a turn, written in one write, and monitored for progress. */
export class Outbox {
  /** Number of bytes gathered but not yet written. */
  gathered = 0;
  /** Monotonic time of the last write. */
  sentAt: number;
  private first: Buffer | undefined = undefined;
  private more: Buffer[] | undefined = undefined;
  /**
   * Number of bytes that the kernel has accepted, and the time at which it last increased, which shows whether the peer
   * reads.
   */
  private accepted = 0;
  private progressAt = 0;
  /** Time at which the first unsent byte was written; -1 if nothing was unsent at the last `takeWait`. */
  private waitingSince = -1;

  constructor(
    private readonly socket: ConnectionSocket,
    now: number,
  ) {
    this.sentAt = now;
  }

  add(bytes: Buffer): void {
    if (this.first === undefined) this.first = bytes;
    else if (this.more === undefined) this.more = [bytes];
    else this.more.push(bytes);
    this.gathered += bytes.length;
  }

  /** Returns a copy of `bytes`. It must be added and written before other connections are served. */
  copy(bytes: Buffer): Buffer {
    return copies.copy(bytes, this.socket);
  }

  /** Writes all gathered bytes in one write. Returns their number. */
  write(now: number): number {
    const { first, socket } = this;
    if (first === undefined) return 0;
    const { more, gathered } = this;
    this.first = undefined;
    this.more = undefined;
    this.gathered = 0;
    const { writable } = socket;
    if (writable) {
      this.sentAt = now;
      // The buffer was empty, so a stall can begin only now.
      if (socket.writableLength === 0) this.progressAt = now;
      if (more === undefined) socket.write(first);
      else writeAll(socket, mergeSmall([first, ...more]));
      if (this.waitingSince < 0 && socket.writableLength > 0) this.waitingSince = now;
    }
    copies.release(socket);
    return writable ? gathered : 0;
  }

  /** Number of bytes written but not accepted by the kernel, because the peer does not read. */
  get unsent(): number {
    return this.socket.writableLength;
  }

  /**
   * Returns the time since which bytes were unsent, if the kernel has accepted all of them since the last call.
   * Otherwise returns undefined.
   */
  takeWait(): number | undefined {
    const { waitingSince } = this;
    if (waitingSince < 0 || this.unsent > 0) return undefined;
    this.waitingSince = -1;
    return waitingSince;
  }

  /** Whether bytes are unsent and none of them was accepted within `limit`. */
  isStalled(limit: TimeLimit, now: number): boolean {
    const { unsent } = this;
    if (unsent === 0) {
      this.progressAt = now;
      return false;
    }
    const accepted = this.socket.bytesWritten - unsent;
    if (accepted !== this.accepted) {
      this.accepted = accepted;
      this.progressAt = now;
    }
    return limit.exceeded(this.progressAt, now);
  }
}

/** Corks the socket so that all parts go to the kernel in one writev (SPEC N15). */
function writeAll(socket: ConnectionSocket, parts: readonly Buffer[]): void {
  socket.cork();
  for (const part of parts) socket.write(part);
  socket.uncork();
}

/** Concatenates adjacent small buffers. */
function mergeSmall(parts: readonly Buffer[]): Buffer[] {
  const all: Buffer[] = [];
  let small: Buffer[] = [];
  const join = () => {
    if (small.length > 0) all.push(small.length === 1 ? (small[0] as Buffer) : Buffer.concat(small));
    small = [];
  };
  for (const part of parts) {
    if (part.length < SMALL_BYTES) small.push(part);
    else {
      join();
      all.push(part);
    }
  }
  join();
  return all;
}
