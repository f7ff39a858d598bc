import type { Clock } from './clock.js';

/** Time per turn of the event loop, in milliseconds. */
const TURN_MS = 4;

/** Limits the time that one kind of work takes per turn of the event loop. Work that has started is completed. */
export class TurnBudget {
  private until: number | undefined;

  constructor(private readonly clock: Clock) {}

  /** Whether further work must wait for a later turn. The time is measured from the first call in each turn. */
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
