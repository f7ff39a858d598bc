/** Resolves when data that has arrived is read: the first immediate may run before the next poll of the event loop, the second cannot. */
export function afterNextPoll(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
