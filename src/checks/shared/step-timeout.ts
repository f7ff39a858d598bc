import type { Clock } from '../../common/clock.js';

/** The part of the time that is left which a wait may take: the rest is for telling what it was that did not come. */
const PART = 3 / 4;

/**
 * Does `work` with a signal that fires when three quarters of the time until
 * `deadline` (monotonic, in ms) are over, or when `signal` does. The work must
 * settle then.
 *
 * @param over what the signal's reason will be.
 */
export async function withStepTimeout<T>(
  clock: Clock,
  deadline: number,
  signal: AbortSignal,
  over: (ms: number) => unknown,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ms = Math.max(0, Math.floor((deadline - clock.now()) * PART));
  const aborter = new AbortController();
  const aborted = () => aborter.abort(signal.reason);
  if (signal.aborted) aborted();
  signal.addEventListener('abort', aborted, { once: true });
  // What came while this process stood still is read after its timers have run: so it is looked once more.
  const timer = clock.after(ms, () => setImmediate(() => aborter.abort(over(ms))));
  try {
    return await work(aborter.signal);
  } finally {
    clock.clear(timer);
    signal.removeEventListener('abort', aborted);
  }
}
