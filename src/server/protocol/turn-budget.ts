import type { Clock } from '../../common/clock.js';

/** Time in one turn of the event loop, in milliseconds; a frame that was begun is finished. */
const TURN_MS = 4;

/** Bounds the time that frames other than bare PINGs take in one turn of the event loop, over all connections together. */
export class TurnBudget {
  private until: number | undefined;

  constructor(private readonly clock: Clock) {}

  /** To be called behind each such frame: whether its connection is to go on in a later turn. */
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
