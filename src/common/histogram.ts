/**
 * Counts of observations by upper bound, kept in one typed array: an
 * observation costs nanoseconds and allocates nothing, so it may stand on the
 * way of every PING. `metrics.ts` hands the counts over when it is scraped.
 */
export class Histogram {
  /** Upper bounds, rising, in the unit of what is observed. */
  readonly bounds: readonly number[];
  /** Observations per bucket (not cumulative); the last one is above every bound. */
  readonly counts: Float64Array;
  /** Sum of all observed values. */
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** Counts `value` as seen `times` times. */
  observe(value: number, times = 1): void {
    const { bounds, counts } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++;
    counts[bucket] = (counts[bucket] as number) + times;
    this.sum += value * times;
  }
}
