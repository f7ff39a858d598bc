import { Histogram } from '../common/histogram.js';

/** Outcome of querying a peer: an answer that counts, an answer that does not, or no answer in time. */
export const peerOutcomes = ['failing', 'working', 'uncounted', 'unanswered'] as const;
export type PeerOutcome = (typeof peerOutcomes)[number];

/** Counts queries to other instances of this service. The counts are read when metrics are scraped. */
export class PeerStats {
  readonly outcomes: Record<PeerOutcome, number> = { failing: 0, working: 0, uncounted: 0, unanswered: 0 };
  /** Time in seconds from the query to the last answer, or to the timeout. */
  readonly time = new Histogram([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]);

  record(outcomes: Readonly<Record<PeerOutcome, number>>, ms: number): void {
    for (const outcome of peerOutcomes) this.outcomes[outcome] += outcomes[outcome];
    this.time.observe(ms / 1000);
  }
}
