import type { Clock } from '../common/clock.js';

/** Counts of configuration reloads. The initial configuration counts as the first successful load. */
export class Reloads {
  readonly counts = { success: 0, failure: 0 };
  isLastSuccessful = true;
  /** Wall-clock time of the latest successful load, in seconds since 1970. */
  lastSuccess: number;

  constructor(private readonly clock: Clock) {
    this.lastSuccess = clock.wall() / 1000;
  }

  succeeded(): void {
    this.counts.success++;
    this.isLastSuccessful = true;
    this.lastSuccess = this.clock.wall() / 1000;
  }

  failed(): void {
    this.counts.failure++;
    this.isLastSuccessful = false;
  }
}
