import type { Socket } from 'node:net';

/** Collects the frames of one turn of the event loop into one write. */
export class WriteBatch {
  readonly #socket: Socket;
  #frames: Buffer[] = [];
  #bytes = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Number of bytes that the kernel has not accepted yet. */
  get unsentBytes(): number {
    return this.#bytes + this.#socket.writableLength;
  }

  push(frame: Buffer): void {
    // nextTick callbacks run after pending microtasks, so the batch includes requests of callers that an answer just resumed.
    if (this.#frames.length === 0) process.nextTick(() => this.flush());
    this.#frames.push(frame);
    this.#bytes += frame.length;
  }

  flush(): void {
    const frames = this.#frames;
    if (frames.length === 0) return;
    this.#frames = [];
    this.#bytes = 0;
    if (this.#socket.writable) this.#socket.write(frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames));
  }
}
