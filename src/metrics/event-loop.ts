import { type Clock, systemClock, type Timer } from '../common/clock.js';
import { Histogram } from '../common/histogram.js';

/** How often the loop is looked at, in milliseconds: ten timers a second cost a process nothing. */
const PERIOD = 100;

/**
 * How late a timer of the process comes, again and again: as long as that, the
 * event loop kept everybody waiting. A stall is one observation, as long as the
 * stall, whoever reads it and how often.
 */
export class LoopWatch {
  /** Lateness of the timer, in seconds. */
  readonly delay = new Histogram([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]);
  private timer: Timer;
  private dueAt = 0;

  constructor(private readonly clock: Clock = systemClock) {}

  /** Time that the loop has not spent waiting since the process began, in seconds. */
  get busy(): number {
    return performance.eventLoopUtilization().active / 1000;
  }

  start(): void {
    this.dueAt = this.clock.now() + PERIOD;
    this.timer = this.clock.after(PERIOD, () => {
      this.delay.observe(Math.max(0, this.clock.now() - this.dueAt) / 1000);
      this.start();
    });
  }

  stop(): void {
    this.clock.clear(this.timer);
  }
}
