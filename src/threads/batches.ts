/**
 * Sends changes in batches, with at most one batch in flight. Changes that occur before the receiver takes the batch
 * are combined into the next one, so a receiver with a blocked event loop costs a bounded amount of memory.
 */
export class Batches<Batch> {
  private inFlight = 0;
  private isScheduled = false;

  /** @param take removes and returns all pending changes, or returns undefined if there are none. */
  constructor(
    private readonly take: () => Batch | undefined,
    private readonly send: (batch: Batch) => void,
  ) {}

  /**
   * Reports that there are changes. They are sent at the end of this turn of the event loop, or when the batch in
   * flight is taken.
   */
  schedule(): void {
    if (this.inFlight > 0 || this.isScheduled) return;
    this.isScheduled = true;
    queueMicrotask(() => {
      this.isScheduled = false;
      this.flush();
    });
  }

  /** Reports that the receiver has taken a batch. */
  onTaken(): void {
    this.inFlight--;
    this.flush();
  }

  /** Sends the pending changes even if a batch is in flight, so that they arrive before the next message. */
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
