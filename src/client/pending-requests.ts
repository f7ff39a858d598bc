import type { Clock, Timer } from '../common/clock.js';
import type { Decoder } from '../wire/decoder.js';
import { onAbort } from './abort.js';

/** A question that was sent and awaits its answer. */
export interface PendingRequest {
  /** The frame type that answers it. */
  readonly answeredBy: number;
  /** Milliseconds until `fail` is called with `late()`. */
  readonly responseTimeout: number;
  readonly late: () => Error;
  readonly signal: AbortSignal | undefined;
  /** Takes the answer out of the frame that the decoder has just found. */
  answer(frame: Decoder, rtt: number): void;
  fail(reason: unknown): void;
}

interface Entry extends PendingRequest {
  readonly askedAt: number;
  readonly timer: Timer;
  readonly stopListening: () => void;
}

const HALF = 2 ** 32;

/** The questions of one connection that are not answered yet, by id. Ids count up from 1 and are never used again. */
export class Waiting {
  readonly #entries = new Map<number, Entry>();
  readonly #clock: Clock;
  readonly #onEmpty: () => void;
  #lastId = 0;

  /** `onEmpty` is called whenever the last one has been settled. */
  constructor(clock: Clock, onEmpty: () => void) {
    this.#clock = clock;
    this.#onEmpty = onEmpty;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** An id for something else on this connection. */
  nextId(): number {
    return ++this.#lastId;
  }

  /** Starts to wait. Returns the two halves of the id, as signed 32-bit numbers. */
  add(asked: PendingRequest): { idHigh: number; idLow: number } {
    const id = this.nextId();
    // Once more round the loop before anybody is convicted: the answer may lie in the socket already.
    const timer = this.#clock.after(asked.responseTimeout, () => setImmediate(() => this.#fail(id, asked.late)));
    const stopListening = onAbort(asked.signal, () => this.#fail(id, () => asked.signal?.reason));
    this.#entries.set(id, { ...asked, askedAt: this.#clock.now(), timer, stopListening });
    return halvesOf(id);
  }

  /** Gives the frame to the question that it answers; false if there is none (any more). */
  answer(frame: Decoder): boolean {
    const id = idOf(frame);
    const entry = this.#entries.get(id);
    if (entry?.answeredBy !== frame.type) return false;
    entry.answer(frame, this.#clock.now() - entry.askedAt);
    this.#remove(id, entry);
    return true;
  }

  /** Fails the one question that the frame is about; false if there is none (any more). */
  fail(frame: Decoder, reason: unknown): boolean {
    return this.#fail(idOf(frame), () => reason);
  }

  failAll(reason: unknown): void {
    for (const id of [...this.#entries.keys()]) this.#fail(id, () => reason);
  }

  #fail(id: number, reason: () => unknown): boolean {
    const entry = this.#entries.get(id);
    if (!entry) return false;
    entry.fail(reason());
    this.#remove(id, entry);
    return true;
  }

  #remove(id: number, entry: Entry): void {
    this.#entries.delete(id);
    this.#clock.clear(entry.timer);
    entry.stopListening();
    if (this.#entries.size === 0) this.#onEmpty();
  }
}

/** Ids beyond 2^53 lose digits here, and meet none of ours. */
export function idOf({ idHigh, idLow }: Decoder): number {
  return (idHigh >>> 0) * HALF + (idLow >>> 0);
}

export function halvesOf(id: number): { idHigh: number; idLow: number } {
  return { idHigh: (id / HALF) | 0, idLow: id | 0 };
}
