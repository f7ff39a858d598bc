import { setMaxListeners } from 'node:events';

/** Calls `listener` when the signal fires. Returns what ends the listening. */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (!signal) return () => {};
  // One signal may guard a thousand questions; that is no leak, and no warning.
  setMaxListeners(Number.POSITIVE_INFINITY, signal);
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}
