/**
 * Resolves when data that has already arrived has been read. The first immediate may run before the next poll of the
 * event loop, but the second cannot.
 */
export function afterNextPoll(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
