import { type BackoffOptions, backoff } from './backoff.js';

export interface AddressListOptions {
  count: number;
  /** Whether to prefer earlier addresses. */
  failback: boolean;
  backoff: BackoffOptions;
  random: () => number;
}

/** Maximum reconnect delay in milliseconds that a server can request. */
const MAX_RECONNECT_DELAY_MS = 3_600_000;

/**
 * Chooses the next address and the delay. After a failure, each other address is tried immediately. Once all have failed,
 * all are tried again with exponential backoff. Uses no timers or sockets. Times are monotonic milliseconds.
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
   * Delays new connections to `index`, whose server sent GOAWAY, for `ms` milliseconds plus a backoff. Without the backoff,
   * a server that repeats GOAWAY, or sends it on each connection, would cause connections without pause.
   */
  delay(index: number, ms: number, now: number): void {
    this.rounds++;
    const backoffMs = backoff(this.rounds, this.options.backoff, this.options.random);
    this.notBefore[index] = now + Math.min(ms, MAX_RECONNECT_DELAY_MS) + backoffMs;
  }

  /** Time until a new connection to `index` is allowed, in milliseconds. */
  remainingDelay(index: number, now: number): number {
    return Math.max(0, (this.notBefore[index] as number) - now);
  }

  /** Selects the next address after a failure of the current one, and returns the delay before the attempt in milliseconds. */
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

  /** Addresses to probe, preferred ones first: all others if the client fails over, otherwise the earlier ones. */
  alternatives(failsOver: boolean): number[] {
    return this.order().filter(
      (index) => index !== this.index && (failsOver || (this.options.failback && index < this.index)),
    );
  }

  /** Order of attempts, starting with the first address or, without failback, with the next one. */
  private order(): number[] {
    const { count, failback } = this.options;
    const from = failback ? 0 : this.index + 1;
    return Array.from({ length: count }, (_, i) => (from + i) % count);
  }
}
