import { type BackoffOptions, backoff } from './backoff.js';

export interface AddressListOptions {
  count: number;
  /** Whether earlier addresses are preferred. */
  failback: boolean;
  backoff: BackoffOptions;
  random: () => number;
}

/** Maximum reconnect delay in milliseconds that a server can request. */
const MAX_RECONNECT_DELAY_MS = 3_600_000;

/**
 * Chooses the next address and the delay before it is tried. After a failure, the other addresses are tried
 * immediately. When all have failed, all are tried again with exponential backoff. Has no timer and no socket. Times
 * are monotonic milliseconds.
 */
export class AddressList {
  /** Index of the current address. */
  index = 0;
  /** Addresses that have failed since the last stable connection. */
  private readonly failed = new Set<number>();
  /** Number of rounds in which all addresses failed, plus number of GOAWAYs, since the last stable connection. */
  private rounds = 0;
  /** Earliest time of the next connection to each address, as requested by its server. */
  private readonly notBefore: number[];

  constructor(private readonly options: AddressListOptions) {
    this.notBefore = new Array(options.count).fill(Number.NEGATIVE_INFINITY);
  }

  /** Resets the failures, because the current connection is stable. */
  markStable(): void {
    this.failed.clear();
    this.rounds = 0;
  }

  /**
   * Handles GOAWAY from the server at `index`: allows no new connection to it for `ms` milliseconds plus a backoff.
   * Without the backoff, a server that sends GOAWAY on each connection would cause an endless series of connections.
   */
  delay(index: number, ms: number, now: number): void {
    this.rounds++;
    const backoffMs = backoff(this.rounds, this.options.backoff, this.options.random);
    this.notBefore[index] = now + Math.min(ms, MAX_RECONNECT_DELAY_MS) + backoffMs;
  }

  /** Remaining milliseconds before `index` may be used for a connection again. */
  remainingDelay(index: number, now: number): number {
    return Math.max(0, (this.notBefore[index] as number) - now);
  }

  /**
   * Handles a failure of the current address: selects the next one and returns the delay in milliseconds before it is
   * tried.
   */
  next(now: number): number {
    this.failed.add(this.index);
    const order = this.order();
    const untried = order.find((index) => !this.failed.has(index) && this.remainingDelay(index, now) === 0);
    if (untried !== undefined) {
      this.index = untried;
      return 0;
    }
    this.failed.clear();
    this.rounds++;
    const backoffMs = backoff(this.rounds, this.options.backoff, this.options.random);
    const delays = order.map((index) => this.remainingDelay(index, now) || backoffMs);
    const shortest = Math.min(...delays);
    this.index = order[delays.indexOf(shortest)] as number;
    return shortest;
  }

  /** Addresses to probe, in order of preference: all others if the client fails over, otherwise the earlier ones. */
  alternatives(failsOver: boolean): number[] {
    return this.order().filter(
      (index) => index !== this.index && (failsOver || (this.options.failback && index < this.index)),
    );
  }

  /** The order of attempts. With failback, it starts at the first address, otherwise at the one after the current. */
  private order(): number[] {
    const { count, failback } = this.options;
    const from = failback ? 0 : this.index + 1;
    return Array.from({ length: count }, (_, i) => (from + i) % count);
  }
}
