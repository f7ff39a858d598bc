/** Times in milliseconds. */
export interface BackoffOptions {
  /** The longest wait before the first new try. Default 100. */
  initial?: number;
  /** The longest wait of all. Default 30,000. */
  max?: number;
}

const INITIAL = 100;
const MAX = 30_000;

/**
 * How long to wait before the next try after `failures` in a row (1 or more): a random
 * part of a time that doubles, so that thousands of clients do not come back in step.
 */
export function backoff(failures: number, options: BackoffOptions, random: () => number): number {
  const { initial = INITIAL, max = MAX } = options;
  return random() * Math.min(max, initial * 2 ** Math.min(failures - 1, 30));
}
