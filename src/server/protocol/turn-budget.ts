import type { Clock } from '../../common/clock.js';

/** Time per turn of the event loop, in milliseconds. A frame or line that was started is completed. */
const TURN_MS = 4;

/** Bounds the time per turn of the event loop for lines, and frames other than bare PINGs, over all connections. */
export class TurnBudget {
  private until: number | undefined;

  constructor(private readonly clock: Clock) {}

  /** Called after each of them that more input follows. True: that input must wait for a later turn. */
  isSpent(): boolean {
    const now = this.clock.now();
    if (this.until === undefined) {
      this.until = now + TURN_MS;
      setImmediate(this.renew);
    }
    return now >= this.until;
  }

  private readonly renew = (): void => {
    this.until = undefined;
  };
}
