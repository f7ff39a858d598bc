import { systemClock } from '../common/clock.js';
import { TurnBudget } from '../common/turn-budget.js';

/** Maximum number of jobs in one turn. */
const MAX_JOBS = 32;

/**
 * Bounds the HTTP work per turn of the event loop for all connections. Jobs run in order, a few per turn, so that PINGs
 * are answered between them, no matter how many jobs are queued.
 */
export class Turns {
  /** Continuations of started work run first, so that little work is in progress at the same time. */
  private readonly continuations: (() => void)[] = [];
  private readonly queue: (() => void)[] = [];
  private isScheduled = false;
  private readonly budget = new TurnBudget(systemClock);

  run(job: () => void): void {
    this.queue.push(job);
    this.schedule();
  }

  /** Resolves when the caller may continue. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.continuations.push(resolve);
      this.schedule();
    });
  }

  /**
   * Each job runs in its own immediate, so that its promise callbacks run before the next job and count toward the
   * budget.
   */
  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    const runOne = () => {
      if (!this.budget.isSpent()) (this.continuations.shift() ?? this.queue.shift())?.();
    };
    // A job may add one more job to the same turn.
    const jobs = Math.min(MAX_JOBS, 2 * (this.continuations.length + this.queue.length));
    for (let job = 0; job < jobs; job++) setImmediate(runOne);
    setImmediate(() => {
      this.isScheduled = false;
      if (this.continuations.length + this.queue.length > 0) this.schedule();
    });
  }
}
