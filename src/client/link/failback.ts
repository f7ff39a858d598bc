import type { Clock, Timer } from '../../common/clock.js';
import { type BackoffOptions, backoff } from './backoff.js';

export interface FailbackOptions {
  /** Minimum time between two probes, in milliseconds. */
  interval: number;
  backoff: BackoffOptions;
  random: () => number;
}

/** Jitter, as a fraction of the interval, so that clients do not probe simultaneously. */
const JITTER = 0.25;

/** Probes repeatedly for a better address, one probe at a time, with backoff while none is found. */
export class FailbackProbe {
  private timer: Timer;
  private isScheduled = false;
  private probes = 0;
  /** The current probe. */
  private running: Promise<void> | undefined;
  private isEnded = false;

  constructor(
    private readonly clock: Clock,
    private readonly options: FailbackOptions,
    /** Probes once; resolves with true if another probe is needed. Never rejects. */
    private readonly probe: () => Promise<boolean>,
  ) {}

  /** Schedules the first probe after `ms`, and resets the backoff. */
  start(ms: number): void {
    this.stop();
    this.probes = 0;
    this.schedule(ms);
  }

  /** Schedules the next probe, unless one is scheduled or running. */
  continue(): void {
    if (this.isScheduled || this.running) return;
    const { interval, backoff: times, random } = this.options;
    const minimum = interval * (1 + JITTER * random());
    this.schedule(Math.max(minimum, this.probes === 0 ? 0 : backoff(this.probes, times, random)));
  }

  /** Cancels the scheduled probe; a running one continues. */
  stop(): void {
    this.clock.clear(this.timer);
    this.isScheduled = false;
  }

  /** Prevents further probes. Resolves when the running one has ended. */
  async end(): Promise<void> {
    this.isEnded = true;
    this.stop();
    await this.running;
  }

  private schedule(ms: number): void {
    if (this.isEnded) return;
    this.isScheduled = true;
    this.timer = this.clock.after(ms, () => {
      this.isScheduled = false;
      this.probes++;
      this.running ??= this.probe().then((isNeeded) => {
        this.running = undefined;
        if (isNeeded) this.continue();
      });
    });
  }
}
