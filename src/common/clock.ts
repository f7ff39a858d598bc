/** Timer handle, valid only for the clock that created it. */
export type Timer = unknown;

/**
 * Time source. Code that evaluates ages, silences or deadlines takes a `Clock`, so that tests control time and
 * wall-clock steps cannot cause false failure detection (SPEC "Failure detection").
 */
export interface Clock {
  /** Monotonic time in fractional milliseconds, with an arbitrary origin. */
  now(): number;
  /**
   * Wall-clock time in milliseconds since 1970, for output and for comparison with timestamps from outside this
   * process.
   */
  wall(): number;
  /**
   * Calls `fire` once after `ms` milliseconds; never for Infinity. Unlike `setTimeout` it has no maximum, and it does not
   * keep the process alive.
   */
  after(ms: number, fire: () => void): Timer;
  /** Cancels a timer; has no effect after it has fired or was cleared. */
  clear(timer: Timer): void;
}

/** Maximum delay of `setTimeout`, about 25 days. Node.js fires a timer with a longer delay after 1 ms. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** A timer longer than `MAX_DELAY_MS`, implemented as a sequence of shorter timers. */
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

/**
 * `globalThis.performance`, a getter that costs as much as reading the time. Not read before the first use, because it
 * loads a module, which would delay the start of `pongcheck ping` by 1 ms.
 */
let performance: typeof globalThis.performance | undefined;

/** Clock of this process. */
export const systemClock: Clock = {
  now: () => {
    performance ??= globalThis.performance;
    return performance.now();
  },
  wall: () => Date.now(),
  after: (ms, fire) => (ms > MAX_DELAY_MS ? new LongTimer(ms, fire) : setTimeout(fire, ms).unref()),
  clear: (timer) => (timer instanceof LongTimer ? timer.clear() : clearTimeout(timer as NodeJS.Timeout)),
};

/** A system clock whose timers keep the process alive, for work without an open handle that must end with an error. */
export const waitingClock: Clock = {
  ...systemClock,
  after: (ms, fire) => setTimeout(fire, ms),
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout),
};
