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
  /** Calls `fire` once, `ms` milliseconds from now. Never keeps the process alive by itself. */
  after(ms: number, fire: () => void): Timer;
  /** Unsets a timer; one that has fired or was cleared already is ignored. */
  clear(timer: Timer): void;
}

/** The clock of this process. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, fire) => setTimeout(fire, ms).unref(),
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout),
};
