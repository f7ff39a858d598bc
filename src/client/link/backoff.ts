/** Exponential backoff with full jitter. Times are in milliseconds. */
export interface BackoffOptions {
  /**
   * Maximum delay before the first retry, in milliseconds.
   *
   * @default 100
   */
  initial?: number;
  /**
   * Maximum delay before any retry, in milliseconds.
   *
   * @default 30000
   */
  max?: number;
}

const INITIAL_BACKOFF_MS = 100;
export const MAX_BACKOFF_MS = 30_000;

/**
 * Returns the delay before the next attempt after `failures` consecutive failures (1 or more). The jitter keeps thousands
 * of clients from reconnecting simultaneously.
 */
export function backoff(failures: number, options: BackoffOptions, random: () => number): number {
  const { initial = INITIAL_BACKOFF_MS, max = MAX_BACKOFF_MS } = options;
  return random() * Math.min(max, initial * 2 ** Math.min(failures - 1, 30));
}
