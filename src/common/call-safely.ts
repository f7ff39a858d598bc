/**
 * Calls code of someone else. What it throws is thrown again where it disturbs
 * nobody: as loud as ever, but the others who wait are still told, and the
 * checks go on.
 */
export function callSafely(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
