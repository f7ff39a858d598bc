/**
 * Settles as `promise` does, or rejects with the reason of the abort as soon
 * as the signal fires; whatever the promise does after that is nobody's concern.
 */
export function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason);
    if (signal.aborted) aborted();
    else signal.addEventListener('abort', aborted, { once: true });
    const leave = () => signal.removeEventListener('abort', aborted);
    promise.then(
      (value) => {
        leave();
        resolve(value);
      },
      (error) => {
        leave();
        reject(error);
      },
    );
  });
}
