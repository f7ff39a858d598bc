import { Histogram } from '../../common/histogram.js';
import { type Reason, reasons } from '../reason.js';

/** Counters of one check. They are plain numbers, which are read when metrics are scraped. */
export class CheckStats {
  /** Number of results, including those of runs that were refused because too many are hanging. */
  runs = 0;
  /** Number of fail and unknown results, by reason. */
  readonly failures = Object.fromEntries(Object.keys(reasons).map((reason) => [reason, 0])) as Record<Reason, number>;
  /** Duration of runs in seconds. A run that timed out counts with its timeout. */
  readonly duration = new Histogram([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]);
  /** Wall-clock time of the last pass or warn, in seconds since 1970. */
  lastSuccess: number | undefined;
  /** The reasons that scrapes have reported so far. */
  readonly scrapedReasons = new Set<Reason>();
  /** Number of state changes, including the first one from unknown. */
  transitions = 0;

  constructor(
    /** Wall-clock time of the last state change, in seconds since 1970. */
    public stateSince: number,
  ) {}
}
