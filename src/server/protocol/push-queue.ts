import type { Clock } from '../../common/clock.js';

/** STATUS frames per turn of the event loop. */
const TURN_BUDGET = 256;
/** Time limit of one turn in milliseconds: serialising a report takes longer than sending it. */
const TURN_MS = 5;

/** Something that has news for its peer. */
export interface Pushing {
  /** Sends at most `most` STATUS frames; returns how many were sent. */
  push(most: number): number;
}

/**
 * Who has something to push, so many in each turn of the loop: a change that
 * ten thousand watch does not hold up those who ask.
 */
export class PushQueue {
  private readonly waiting = new Set<Pushing>();
  private isDue = false;

  constructor(private readonly clock: Clock) {}

  add(pushing: Pushing): void {
    this.waiting.add(pushing);
    if (this.isDue) return;
    this.isDue = true;
    setImmediate(this.turn);
  }

  delete(pushing: Pushing): void {
    this.waiting.delete(pushing);
  }

  private readonly turn = (): void => {
    const until = this.clock.now() + TURN_MS;
    let left = TURN_BUDGET;
    for (const pushing of this.waiting) {
      this.waiting.delete(pushing);
      const sent = pushing.push(left);
      // There may be more: back to the end of the queue.
      if (sent === left) this.waiting.add(pushing);
      left -= Math.max(1, sent);
      if (left <= 0 || this.clock.now() >= until) break;
    }
    this.isDue = this.waiting.size > 0;
    if (this.isDue) setImmediate(this.turn);
  };
}
