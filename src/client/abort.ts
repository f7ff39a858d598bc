import { setMaxListeners } from 'node:events';

/** Calls `listener` when the signal aborts. Returns a function that removes the listener. */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (!signal) return () => {};
  // A signal may be shared by thousands of requests: no warning about a leak.
  setMaxListeners(Number.POSITIVE_INFINITY, signal);
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}
