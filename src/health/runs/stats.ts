import { Histogram } from '../../common/histogram.js';
import { type Reason, reasons } from '../reason.js';

/** What is counted of one check. Plain numbers, which metrics read when they are scraped. */
export class CheckStats {
  /** Results, those included that were `timeout` at once because too many runs hang. */
  runs = 0;
  /** Results that were fail or unknown, by reason. */
  readonly failures = Object.fromEntries(Object.keys(reasons).map((reason) => [reason, 0])) as Record<Reason, number>;
  /** How long runs took, in seconds; one that was ended by its timeout took that long. */
  readonly duration = new Histogram([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]);
  /** Wall time of the latest pass or warn, in seconds since 1970. */
  lastSuccess: number | undefined;
  /** Changes of the state, the first one from unknown included. */
  transitions = 0;

  constructor(
    /** Wall time since when the state is what it is, in seconds since 1970. */
    public stateSince: number,
  ) {}
}
