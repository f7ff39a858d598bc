import { type BackoffOptions, backoff } from './backoff.js';

export interface AddressListOptions {
  count: number;
  /** Whether earlier addresses are preferred. */
  failback: boolean;
  backoff: BackoffOptions;
  random: () => number;
}

/** A server may ask to be left alone for this long, in milliseconds; a longer time counts as this. */
const LONGEST_REST = 3_600_000;
/** The part of a time that a server named by which clients come later, so that they do not come in step. */
const REST_JITTER = 0.25;

/**
 * Which of several addresses is next, and when: after a loss each other one is tried at once, and when all of them
 * have failed, all again after a time that doubles. Owns neither timer nor socket. Moments are monotonic milliseconds.
 */
export class AddressList {
  /** The address that is in use, or is tried. */
  index = 0;
  /** Failed since a connection last lasted. */
  private readonly failed = new Set<number>();
  private rounds = 0;
  /** Before these moments a server wants to be left alone. */
  private readonly restsUntil: number[];

  constructor(private readonly options: AddressListOptions) {
    this.restsUntil = new Array(options.count).fill(Number.NEGATIVE_INFINITY);
  }

  /** The connection has proved that it lasts: what failed before is forgotten. */
  lasted(): void {
    this.failed.clear();
    this.rounds = 0;
  }

  /** The server at `index` asked to be left alone for `ms`. */
  rest(index: number, ms: number, now: number): void {
    const { random, backoff: times } = this.options;
    const jitter = Math.max(times.initial ?? 100, ms * REST_JITTER) * random();
    this.restsUntil[index] = now + Math.min(ms, LONGEST_REST) + jitter;
  }

  /** How long the one at `index` wants to be left alone from `now` on, in milliseconds. */
  restOf(index: number, now: number): number {
    return Math.max(0, (this.restsUntil[index] as number) - now);
  }

  /** The one in use failed. Moves on to the next, and tells how long to wait before it is tried, in milliseconds. */
  next(now: number): number {
    this.failed.add(this.index);
    const order = this.order();
    const untried = order.find((index) => !this.failed.has(index) && this.restOf(index, now) === 0);
    if (untried !== undefined) {
      this.index = untried;
      return 0;
    }
    this.failed.clear();
    this.rounds++;
    const wait = backoff(this.rounds, this.options.backoff, this.options.random);
    const waits = order.map((index) => Math.max(wait, this.restOf(index, now)));
    const least = Math.min(...waits);
    this.index = order[waits.indexOf(least)] as number;
    return least;
  }

  /** Those that are worth a look while the one in use is `leaving`, or well. The preferred first. */
  better(leaving: boolean): number[] {
    return this.order().filter(
      (index) => index !== this.index && (leaving || (this.options.failback && index < this.index)),
    );
  }

  /** In which they are tried: from the first on, or from the one after this. */
  private order(): number[] {
    const { count, failback } = this.options;
    const from = failback ? 0 : this.index + 1;
    return Array.from({ length: count }, (_, i) => (from + i) % count);
  }
}
