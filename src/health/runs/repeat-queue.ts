import type { Clock } from '../../common/clock.js';
import { withTimeout } from '../../common/with-timeout.js';

/**
 * Runs second attempts one at a time. When the event loop was blocked, the results of many checks are late at the same
 * time. If each check then runs alone, only the check that blocks the event loop is late again.
 */
export class RepeatQueue {
  private last: Promise<void> = Promise.resolve();

  constructor(private readonly clock: Clock) {}

  /**
   * Resolves at this caller's turn with a function that ends the turn, or with undefined if the turn did not come
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
    // The next caller's turn may start when the previous one has ended.
    void before.then(end);
    return undefined;
  }
}
