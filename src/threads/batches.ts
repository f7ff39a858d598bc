/**
 * Sends changes in batches, with one batch in flight: what changes until it is taken is combined into the next one. So a
 * receiver whose event loop is blocked costs a bounded amount of memory.
 */
export class Batches<Batch> {
  private inFlight = 0;
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
    if (this.inFlight > 0 || this.isScheduled) return;
    this.isScheduled = true;
    queueMicrotask(() => {
      this.isScheduled = false;
      this.flush();
    });
  }

  /** The receiver has taken a batch. */
  onTaken(): void {
    this.inFlight--;
    this.flush();
  }

  /** Sends the pending changes also beside a batch in flight, so that they arrive before a message that follows. */
  sendNow(): void {
    const batch = this.take();
    if (batch === undefined) return;
    this.inFlight++;
    this.send(batch);
  }

  private flush(): void {
    if (this.inFlight === 0) this.sendNow();
  }
}
