/** A timer that has been set; only the clock that set it can clear it. */
export type Timer = unknown;

/**
 * Where time comes from. Whatever judges an age, a silence or a deadline is
 * handed a clock, so that a test can move time and a step of the wall clock
 * convicts nobody (SPEC "Failure detection").
 */
export interface Clock {
  /** Monotonic time in milliseconds, with fractions. Its origin means nothing. */
  now(): number;
  /** Wall time in milliseconds since 1970, only for what people read. */
  wall(): number;
  /**
   * Calls `fire` once, `ms` milliseconds from now; with Infinity never. Any time is allowed, also one that is longer
   * than a timer of Node takes. Never keeps the process alive by itself.
   */
  after(ms: number, fire: () => void): Timer;
  /** Unsets a timer; one that has fired or was cleared already is ignored. */
  clear(timer: Timer): void;
}

/** The longest delay of a timer of Node, about 25 days; with a longer one it fires after 1 ms. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** A timer for a time that is longer than one of Node takes: one after the other. */
class LongTimer {
  private current: NodeJS.Timeout | undefined;

  constructor(
    private left: number,
    private readonly fire: () => void,
  ) {
    this.next();
  }

  private next(): void {
    const delay = Math.min(this.left, MAX_DELAY_MS);
    this.left -= delay;
    this.current = setTimeout(() => (this.left > 0 ? this.next() : this.fire()), delay).unref();
  }

  clear(): void {
    clearTimeout(this.current);
  }
}

/** The clock of this process. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, fire) => (ms > MAX_DELAY_MS ? new LongTimer(ms, fire) : setTimeout(fire, ms).unref()),
  clear: (timer) => (timer instanceof LongTimer ? timer.clear() : clearTimeout(timer as NodeJS.Timeout)),
};
