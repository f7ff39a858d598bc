import type { Clock } from '../../common/clock.js';

/** The part of the time that is left which a wait may take: the rest is for telling what it was that did not come. */
const STEP_FRACTION = 3 / 4;

/**
 * Does `work` with a signal that fires when three quarters of the time until
 * `deadline` (monotonic, in ms) are timeoutError, or when `signal` does. The work must
 * settle then.
 *
 * @param timeoutError what the signal's reason will be.
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
  // What came while this process stood still is read after its timers have run: so it is looked once more.
  const timer = clock.after(ms, () => setImmediate(() => aborter.abort(timeoutError(ms))));
  try {
    return await work(aborter.signal);
  } finally {
    clock.clear(timer);
    signal.removeEventListener('abort', aborted);
  }
}

/**
 * Settles as `promise` does, or rejects with the reason of the abort as soon
 * as the signal fires; whatever the promise does after that is nobody's concern.
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
