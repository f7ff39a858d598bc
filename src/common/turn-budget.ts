import type { Clock } from './clock.js';

/** Time per turn of the event loop, in milliseconds. */
const TURN_MS = 4;

/** Bounds the time that work of one sort takes in a turn of the event loop. Work that has started is completed. */
export class TurnBudget {
  private until: number | undefined;

  constructor(private readonly clock: Clock) {}

  /** Whether more work must wait for a later turn. The first call in a turn starts the time. */
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
