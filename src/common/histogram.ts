/**
 * Counts observations per bucket in a typed array. An observation takes nanoseconds and no allocation, so it is allowed
 * on the hot path; the counts are read when metrics are scraped.
 */
export class Histogram {
  /** Upper bounds, ascending, in the unit of the observations. */
  readonly bounds: readonly number[];
  /** Observations per bucket, not cumulative; the last bucket is above all bounds. */
  readonly counts: Float64Array;
  /** Sum of all observed values. */
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** Counts `times` observations of `value`. */
  observe(value: number, times = 1): void {
    const { bounds, counts } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++;
    counts[bucket] = (counts[bucket] as number) + times;
    this.sum += value * times;
  }
}
