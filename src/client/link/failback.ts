import type { Clock, Timer } from '../../common/clock.js';
import { type BackoffOptions, backoff } from './backoff.js';

export interface FailbackOptions {
  /** Time between two probes, without jitter and backoff, in milliseconds. */
  interval: number;
  backoff: BackoffOptions;
  random: () => number;
}

/** Jitter as a fraction of the interval, so that clients do not probe at the same time. */
const JITTER = 0.25;

/**
 * Probes repeatedly for a better address, one probe at a time, with backoff while none is found. An address is probed
 * immediately when its delay ends.
 */
export class FailbackProbe {
  private timer: Timer;
  /** Monotonic time of the scheduled probe; Infinity if there is none. */
  private dueAt = Number.POSITIVE_INFINITY;
  /** Whether a due probe waits for the end of the current one. */
  private isWaiting = false;
  private probes = 0;
  /** The running probe. */
  private running: Promise<void> | undefined;
  private isEnded = false;

  constructor(
    private readonly clock: Clock,
    private readonly options: FailbackOptions,
    /** For each address to probe, the milliseconds until a connection is allowed. */
    private readonly delays: () => readonly number[],
    /** Probes once. Resolves with true if another probe is needed. Never rejects. */
    private readonly probe: () => Promise<boolean>,
  ) {}

  /** Probes as soon as a connection to an address is allowed, and resets the backoff. */
  start(): void {
    this.stop();
    this.probes = 0;
    this.schedule(this.delay(0));
  }

  /** Schedules the next probe, unless one is running or scheduled earlier. If there is no address to probe, cancels it. */
  continue(): void {
    if (this.delays().length === 0) return this.stop();
    if (this.running) return;
    // A scheduled time is kept, because repeated calls would otherwise select the shortest of several random delays.
    const scheduled = this.dueAt - this.clock.now();
    const delay = this.delay(Number.isFinite(scheduled) ? scheduled : this.backoff());
    if (delay < scheduled) this.schedule(delay);
  }

  /** Cancels the scheduled probe. A running one continues. */
  stop(): void {
    this.clock.clear(this.timer);
    this.dueAt = Number.POSITIVE_INFINITY;
    this.isWaiting = false;
  }

  /** Prevents further probes. Resolves when the running probe has ended. */
  async end(): Promise<void> {
    this.isEnded = true;
    this.stop();
    await this.running;
  }

  private backoff(): number {
    const { interval, backoff: times, random } = this.options;
    const minimum = interval * (1 + JITTER * random());
    return Math.max(minimum, this.probes === 0 ? 0 : backoff(this.probes, times, random));
  }

  /** Milliseconds until the next probe: `ms` if a connection is allowed now, and at most until the next one is allowed. */
  private delay(ms: number): number {
    const delays = this.delays();
    return Math.min(delays.includes(0) ? ms : Number.POSITIVE_INFINITY, ...delays.filter((delay) => delay > 0));
  }

  private schedule(ms: number): void {
    if (this.isEnded || ms === Number.POSITIVE_INFINITY) return;
    this.clock.clear(this.timer);
    this.dueAt = this.clock.now() + ms;
    this.timer = this.clock.after(ms, () => {
      this.dueAt = Number.POSITIVE_INFINITY;
      if (this.running) this.isWaiting = true;
      else this.run();
    });
  }

  private run(): void {
    this.isWaiting = false;
    this.probes++;
    this.running = this.probe().then((isNeeded) => {
      this.running = undefined;
      if (this.isWaiting) this.run();
      else if (isNeeded) this.continue();
    });
  }
}
