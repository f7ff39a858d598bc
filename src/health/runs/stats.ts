import { Histogram } from '../../common/histogram.js';
import { type Reason, reasons } from '../reason.js';

/** Counters of one check. Plain numbers, read by metrics when they are scraped. */
export class CheckStats {
  /** Number of results, including runs refused because too many hang. */
  runs = 0;
  /** Number of fail and unknown results, by reason. */
  readonly failures = Object.fromEntries(Object.keys(reasons).map((reason) => [reason, 0])) as Record<Reason, number>;
  /** Duration of runs in seconds; for a run that timed out, its timeout. */
  readonly duration = new Histogram([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]);
  /** Wall-clock time of the last pass or warn, in seconds since 1970. */
  lastSuccess: number | undefined;
  /** The reasons of its state at the scrapes so far. */
  readonly scrapedReasons = new Set<Reason>();
  /** Number of state changes, including the first from unknown. */
  transitions = 0;

  constructor(
    /** Wall-clock time of the last change of state, in seconds since 1970. */
    public stateSince: number,
  ) {}
}
