import { Histogram } from '../common/histogram.js';

/** What came of asking a peer: an answer that counts, one that does not, or none in time. */
export const peerOutcomes = ['failing', 'working', 'uncounted', 'unanswered'] as const;
export type PeerOutcome = (typeof peerOutcomes)[number];

/** Counts of the questions to other instances of this service; read when metrics are scraped. */
export class PeerStats {
  readonly outcomes: Record<PeerOutcome, number> = { failing: 0, working: 0, uncounted: 0, unanswered: 0 };
  /** Time from the question to the last answer, or to the timeout, in seconds. */
  readonly time = new Histogram([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]);

  record(outcomes: Readonly<Record<PeerOutcome, number>>, ms: number): void {
    for (const outcome of peerOutcomes) this.outcomes[outcome] += outcomes[outcome];
    this.time.observe(ms / 1000);
  }
}
