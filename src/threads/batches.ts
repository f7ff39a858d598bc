/**
 * Sends changes in batches, with one batch in flight: what changes until it is taken is combined into the next one. So a
 * receiver whose event loop is blocked costs a bounded amount of memory.
 */
export class Batches<Batch> {
  private isInFlight = false;
  private isScheduled = false;

  /**
   * @param take removes and returns all pending changes; undefined if there are none.
   */
  constructor(
    private readonly take: () => Batch | undefined,
    private readonly send: (batch: Batch) => void,
  ) {}

  /** There are changes; they are sent at the end of this turn, or when the batch in flight is taken. */
  schedule(): void {
    if (this.isInFlight || this.isScheduled) return;
    this.isScheduled = true;
    queueMicrotask(() => {
      this.isScheduled = false;
      this.flush();
    });
  }

  /** The receiver has taken the batch in flight. */
  onTaken(): void {
    this.isInFlight = false;
    this.flush();
  }

  private flush(): void {
    if (this.isInFlight) return;
    const batch = this.take();
    if (batch === undefined) return;
    this.isInFlight = true;
    this.send(batch);
  }
}
