import type { Clock, Timer } from '../common/clock.js';
import type { Decoder } from '../wire/decoder.js';
import { onAbort } from './abort.js';

/** A request that was sent but not answered yet. */
export interface PendingRequest {
  /** Frame type of the answer. */
  readonly answeredBy: number;
  /** Time in milliseconds after which `fail` is called with `timeoutError()`. */
  readonly responseTimeout: number;
  readonly timeoutError: () => Error;
  readonly signal: AbortSignal | undefined;
  /** Reads the answer from the current frame of the decoder. */
  answer(frame: Decoder, rtt: number): void;
  fail(reason: unknown): void;
}

interface Entry extends PendingRequest {
  readonly sentAt: number;
  readonly timer: Timer;
  readonly stopListening: () => void;
}

const HALF = 2 ** 32;

/** The outstanding requests of one connection, by id. Ids start at 1 and are never reused. */
export class PendingRequests {
  readonly #entries = new Map<number, Entry>();
  readonly #clock: Clock;
  readonly #onEmpty: () => void;
  #lastId = 0;

  /** @param onEmpty called each time the last outstanding request is settled. */
  constructor(clock: Clock, onEmpty: () => void) {
    this.#clock = clock;
    this.#onEmpty = onEmpty;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Returns an unused id. For watches. */
  nextId(): number {
    return ++this.#lastId;
  }

  /** Adds a request and starts its timeout. Returns the two halves of its id as signed 32-bit numbers. */
  add(request: PendingRequest): { idHigh: number; idLow: number } {
    const id = this.nextId();
    // Polls once more after the timer fires, because the answer may already be in the socket buffer.
    const timer = this.#clock.after(request.responseTimeout, () =>
      setImmediate(() => this.#fail(id, request.timeoutError)),
    );
    const stopListening = onAbort(request.signal, () => this.#fail(id, () => request.signal?.reason));
    this.#entries.set(id, { ...request, sentAt: this.#clock.now(), timer, stopListening });
    return halvesOf(id);
  }

  /** Passes the frame to the request that it answers. Returns false if there is none. */
  answer(frame: Decoder): boolean {
    const id = idOf(frame);
    const entry = this.#entries.get(id);
    if (entry?.answeredBy !== frame.type) return false;
    entry.answer(frame, this.#clock.now() - entry.sentAt);
    this.#remove(id, entry);
    return true;
  }

  /** Fails the request with the id of the frame. Returns false if there is none. */
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

/** Ids above 2^53 lose precision, but this client never assigns one. */
export function idOf({ idHigh, idLow }: Decoder): number {
  return (idHigh >>> 0) * HALF + (idLow >>> 0);
}

export function halvesOf(id: number): { idHigh: number; idLow: number } {
  return { idHigh: (id / HALF) | 0, idLow: id | 0 };
}
