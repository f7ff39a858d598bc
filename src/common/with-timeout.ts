import type { Clock, Timer } from './clock.js';

/**
 * Settles like `work`, or after `ms` milliseconds like `onTimeout`. A later outcome of `work` is ignored.
 *
 * @param onTimeout called at the timeout; may throw. Default: resolves with undefined.
 */
export async function withTimeout<T, U = undefined>(
  clock: Clock,
  ms: number,
  work: T | PromiseLike<T>,
  onTimeout?: () => U | Promise<U>,
): Promise<T | U> {
  let timer: Timer;
  const limit = new Promise<U>((resolve, reject) => {
    timer = clock.after(ms, () => {
      (async () => onTimeout?.() as U)().then(resolve, reject);
    });
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clock.clear(timer);
  }
}
