/** Handle of a timer, for the clock that created it. */
export type Timer = unknown;

/**
 * Time source. Code that evaluates ages, silences or deadlines takes a `Clock`, so tests control time and steps of the
 * wall clock cannot cause false failure detection (SPEC "Failure detection").
 */
export interface Clock {
  /** Monotonic time in milliseconds, with fractions and an arbitrary origin. */
  now(): number;
  /** Wall time in milliseconds since 1970; for output, and for times that others have set. */
  wall(): number;
  /**
   * Calls `fire` once after `ms` milliseconds; never for Infinity. Unlike `setTimeout` it has no maximum, and it does not
   * keep the process alive.
   */
  after(ms: number, fire: () => void): Timer;
  /** Cancels a timer; has no effect after it has fired or was cleared. */
  clear(timer: Timer): void;
}

/** Maximum delay of `setTimeout`, about 25 days; it fires after 1 ms for a longer one. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** A timer longer than `MAX_DELAY_MS`, as a sequence of timers. */
class LongTimer {
  private current: NodeJS.Timeout | undefined;

  constructor(
    private remaining: number,
    private readonly fire: () => void,
  ) {
    this.next();
  }

  private next(): void {
    const delay = Math.min(this.remaining, MAX_DELAY_MS);
    this.remaining -= delay;
    this.current = setTimeout(() => (this.remaining > 0 ? this.next() : this.fire()), delay).unref();
  }

  clear(): void {
    clearTimeout(this.current);
  }
}

/** The global is a getter, which costs as much as the time itself. */
const { performance } = globalThis;

/** The clock of this process. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, fire) => (ms > MAX_DELAY_MS ? new LongTimer(ms, fire) : setTimeout(fire, ms).unref()),
  clear: (timer) => (timer instanceof LongTimer ? timer.clear() : clearTimeout(timer as NodeJS.Timeout)),
};
