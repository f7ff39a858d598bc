import type { Clock } from '../../common/clock.js';

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
    let isOver = false;
    let stopWaiting = (): void => {};
    const waited = new Promise<void>((resolve) => {
      stopWaiting = resolve;
    });
    const timer = this.clock.after(limit, () => {
      isOver = true;
      stopWaiting();
    });
    await Promise.race([before, waited]);
    this.clock.clear(timer);
    if (!isOver) return end;
    // The next one may start when the one before this has ended.
    void before.then(end);
    return undefined;
  }
}
