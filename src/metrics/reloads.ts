import type { Clock } from '../common/clock.js';

/** How reloads of the configuration went; the one that the service was made with counts as sound. */
export class Reloads {
  readonly counts = { success: 0, failure: 0 };
  isLastSuccessful = true;
  /** Wall time of the latest that was sound, in seconds since 1970. */
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
