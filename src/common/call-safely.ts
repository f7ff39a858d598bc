/** Calls user code. An exception is rethrown from a microtask, so it stays visible without breaking other listeners. */
export function callSafely(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
