import type { Clock } from '../../common/clock.js';

/** Default number of messages per turn of the event loop. */
const TURN_BUDGET = 256;
/** Time limit per turn in milliseconds, because serializing a report takes longer than sending it. */
const TURN_MS = 5;

/** A source of messages, such as STATUS frames. */
export interface Pushing {
  /** Sends at most `max` messages. Returns the number of messages sent. */
  push(max: number): number;
}

/**
 * Sends messages on all connections, with a budget per turn of the event loop, so that a change with ten thousand
 * watches does not delay the answers to PINGs.
 */
export class PushQueue {
  private readonly queue = new Set<Pushing>();
  private isScheduled = false;

  constructor(
    private readonly clock: Clock,
    private readonly turnBudget = TURN_BUDGET,
  ) {}

  add(pushing: Pushing): void {
    this.queue.add(pushing);
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(this.turn);
  }

  delete(pushing: Pushing): void {
    this.queue.delete(pushing);
  }

  private readonly turn = (): void => {
    const until = this.clock.now() + TURN_MS;
    let left = this.turnBudget;
    for (const pushing of this.queue) {
      this.queue.delete(pushing);
      const sent = pushing.push(left);
      // The source may have more to send, so it is moved to the end of the queue.
      if (sent === left) this.queue.add(pushing);
      left -= Math.max(1, sent);
      if (left <= 0 || this.clock.now() >= until) break;
    }
    this.isScheduled = this.queue.size > 0;
    if (this.isScheduled) setImmediate(this.turn);
  };
}
