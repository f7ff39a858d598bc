import type { Clock } from '../../common/clock.js';

/** Fraction of the remaining time that a step may use. The rest is for reporting which step timed out. */
const STEP_FRACTION = 3 / 4;

/**
 * Runs `work` with a signal that fires after three quarters of the time until `deadline` (monotonic, in milliseconds),
 * or when `signal` fires. `work` must then settle.
 *
 * @param timeoutError creates the abort reason for the timeout.
 */
export async function withStepTimeout<T>(
  clock: Clock,
  deadline: number,
  signal: AbortSignal,
  timeoutError: (ms: number) => unknown,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ms = Math.max(0, Math.floor((deadline - clock.now()) * STEP_FRACTION));
  const aborter = new AbortController();
  const aborted = () => aborter.abort(signal.reason);
  if (signal.aborted) aborted();
  signal.addEventListener('abort', aborted, { once: true });
  // If this process was stalled, timers fire before received data is read. The immediate lets that data be read first.
  const timer = clock.after(ms, () => setImmediate(() => aborter.abort(timeoutError(ms))));
  try {
    return await work(aborter.signal);
  } finally {
    clock.clear(timer);
    signal.removeEventListener('abort', aborted);
  }
}

/**
 * Settles like `promise`, or rejects with the reason of `signal` as soon as the signal fires. Later outcomes of the
 * promise are ignored.
 */
export function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason);
    if (signal.aborted) aborted();
    else signal.addEventListener('abort', aborted, { once: true });
    const removeListener = () => signal.removeEventListener('abort', aborted);
    promise.then(
      (value) => {
        removeListener();
        resolve(value);
      },
      (error) => {
        removeListener();
        reject(error);
      },
    );
  });
}
