import { type Clock, systemClock, type Timer } from '../common/clock.js';
import { Histogram } from '../common/histogram.js';

/** Interval between measurements, in milliseconds. Ten timers per second cost almost nothing. */
const INTERVAL_MS = 100;

/**
 * Measures the event loop delay as the lateness of a recurring timer. A stall is one observation of its full length.
 */
export class LoopWatch {
  /** Lateness of the timer, in seconds. */
  readonly delay = new Histogram([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]);
  private timer: Timer;
  private dueAt = 0;

  constructor(private readonly clock: Clock = systemClock) {}

  /** Time during which the event loop was busy since the process started, in seconds. */
  get busy(): number {
    return performance.eventLoopUtilization().active / 1000;
  }

  start(): void {
    this.dueAt = this.clock.now() + INTERVAL_MS;
    this.timer = this.clock.after(INTERVAL_MS, () => {
      this.delay.observe(Math.max(0, this.clock.now() - this.dueAt) / 1000);
      this.start();
    });
  }

  stop(): void {
    this.clock.clear(this.timer);
  }
}
