/** Octets that have arrived are read by then: the first immediate may come before the next poll of the loop, the second cannot. */
export function afterNextPoll(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
