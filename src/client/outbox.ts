import type { Socket } from 'node:net';

/** Frames on their way to the socket: all that are pushed in one turn of the loop leave in one write. */
export class Outbox {
  readonly #socket: Socket;
  #frames: Buffer[] = [];
  #octets = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Octets that the kernel has not taken yet. */
  get unsent(): number {
    return this.#octets + this.#socket.writableLength;
  }

  push(frame: Buffer): void {
    // The queue of nextTick comes after the microtasks that are due: callers that an answer has just woken are in time.
    if (this.#frames.length === 0) process.nextTick(() => this.flush());
    this.#frames.push(frame);
    this.#octets += frame.length;
  }

  flush(): void {
    const frames = this.#frames;
    if (frames.length === 0) return;
    this.#frames = [];
    this.#octets = 0;
    if (this.#socket.writable) this.#socket.write(frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames));
  }
}
