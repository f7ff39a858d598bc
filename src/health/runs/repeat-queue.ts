import type { Clock } from '../../common/clock.js';
import { withTimeout } from '../../common/with-timeout.js';

/**
 * Runs second attempts one at a time. When the event loop was blocked, the results of many checks are late at once;
 * alone, only the check that blocks it is late again.
 */
export class RepeatQueue {
  private last: Promise<void> = Promise.resolve();

  constructor(private readonly clock: Clock) {}

  /**
   * Resolves when it is this caller's turn, with a function that ends the turn; with undefined if the turn did not come
   * within `limit` milliseconds.
   */
  async turn(limit: number): Promise<(() => void) | undefined> {
    const before = this.last;
    let end = (): void => {};
    this.last = new Promise((resolve) => {
      end = resolve;
    });
    const isNext = await withTimeout(
      this.clock,
      limit,
      before.then(() => true),
    );
    if (isNext) return end;
    // The next one may start when the one before this has ended.
    void before.then(end);
    return undefined;
  }
}
