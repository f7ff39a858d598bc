/**
 * Counts observations per bucket in a typed array. An observation takes nanoseconds and allocates nothing, so the hot
 * path may use it. The counts are read when metrics are scraped.
 */
export class Histogram {
  /** Upper bounds, ascending, in the unit of the observations. */
  readonly bounds: readonly number[];
  /** Observations per bucket, not cumulative. The last bucket counts values above all bounds. */
  readonly counts: Float64Array;
  /** The counts, followed by the sum. */
  private readonly numbers: Float64Array;

  /** @param numbers storage of `Histogram.length(bounds)` numbers. Default: a new array. */
  constructor(bounds: readonly number[], numbers: Float64Array = new Float64Array(Histogram.length(bounds))) {
    this.bounds = bounds;
    this.numbers = numbers;
    this.counts = numbers.subarray(0, -1);
  }

  /** Number of elements in the storage of a histogram with these bounds. */
  static length(bounds: readonly number[]): number {
    return bounds.length + 2;
  }

  get sum(): number {
    return this.numbers[this.bounds.length + 1] as number;
  }

  /** Counts `times` observations of `value`. */
  observe(value: number, times = 1): void {
    const { bounds, numbers } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++;
    numbers[bucket] = (numbers[bucket] as number) + times;
    const sum = bounds.length + 1;
    numbers[sum] = (numbers[sum] as number) + value * times;
  }
}
