import type { Socket } from 'node:net';
import type { TimeLimit } from '../../liveness/time-limit.js';

/** Smaller buffers are copied together. Larger ones are written without a copy, so that all peers share one report. */
const SMALL_OCTETS = 512;

/** What is on its way to a peer: gathered during a turn, written at once, watched for progress. */
export class Outbox {
  /** Octets that are gathered and not written. */
  gathered = 0;
  /** Monotonic moment of the last write. */
  sentAt: number;
  private first: Buffer | undefined = undefined;
  private more: Buffer[] | undefined = undefined;
  /** Octets the kernel has taken, and when that last rose: the progress of a peer that should read. */
  private taken = 0;
  private takenAt = 0;

  constructor(
    private readonly socket: Socket,
    now: number,
  ) {
    this.sentAt = now;
  }

  add(octets: Buffer): void {
    if (this.first === undefined) this.first = octets;
    else if (this.more === undefined) this.more = [octets];
    else this.more.push(octets);
    this.gathered += octets.length;
  }

  /** Writes what is gathered in one write; returns how many octets that were. */
  write(now: number): number {
    const { first, socket } = this;
    if (first === undefined) return 0;
    const { more, gathered } = this;
    this.first = undefined;
    this.more = undefined;
    this.gathered = 0;
    if (!socket.writable) return 0;
    this.sentAt = now;
    // Nothing waited, so nothing has stalled yet.
    if (socket.writableLength === 0) this.takenAt = now;
    if (more === undefined) socket.write(first);
    else writeAll(socket, mergeSmall([first, ...more]));
    return gathered;
  }

  /** Octets that are written and wait for the peer to read. */
  get waiting(): number {
    return this.socket.writableLength;
  }

  /** Whether the peer has taken nothing of what waits for it for too long. */
  stalled(limit: TimeLimit, now: number): boolean {
    const { waiting } = this;
    if (waiting === 0) {
      this.takenAt = now;
      return false;
    }
    const taken = this.socket.bytesWritten - waiting;
    if (taken !== this.taken) {
      this.taken = taken;
      this.takenAt = now;
    }
    return limit.exceeded(this.takenAt, now);
  }
}

/** One writev (SPEC N15): a corked socket hands everything to the kernel at once. */
function writeAll(socket: Socket, parts: readonly Buffer[]): void {
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
    if (part.length < SMALL_OCTETS) small.push(part);
    else {
      join();
      all.push(part);
    }
  }
  join();
  return all;
}
