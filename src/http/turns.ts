/** Work of HTTP in one turn of the event loop, in milliseconds; a job that was begun is finished. */
const BUDGET_MS = 4;
/** The most jobs in one turn. */
const MAX_JOBS = 32;

/**
 * Bounds the work of HTTP per turn of the event loop, over all connections together. Each job waits for its turn, in
 * order, so that PINGs are read and answered between a few jobs and the next few, however many wait.
 */
export class Turns {
  /** What goes on with something that was begun: it comes first, so that little is under way at once. */
  private readonly begun: (() => void)[] = [];
  private readonly waiting: (() => void)[] = [];
  private isScheduled = false;

  run(job: () => void): void {
    this.waiting.push(job);
    this.schedule();
  }

  /** Resolves when the caller may go on with its work. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.begun.push(resolve);
      this.schedule();
    });
  }

  /** Each job has an immediate of its own: what it leaves in promises and ticks is done before the next, and counts. */
  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    let partialSince: number | undefined;
    const runOne = () => {
      const now = performance.now();
      partialSince ??= now;
      if (now - partialSince < BUDGET_MS) (this.begun.shift() ?? this.waiting.shift())?.();
    };
    // What a job leads to may be done in the same turn.
    const jobs = Math.min(MAX_JOBS, 2 * (this.begun.length + this.waiting.length));
    for (let job = 0; job < jobs; job++) setImmediate(runOne);
    setImmediate(() => {
      this.isScheduled = false;
      if (this.begun.length + this.waiting.length > 0) this.schedule();
    });
  }
}
