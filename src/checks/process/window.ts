import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

/** Interval in milliseconds at which the event loop is sampled. */
const RESOLUTION = 20;
const NANOSECONDS = 1e6;

/** Measures the event loop since the window was created or restarted. Does not keep the process alive. */
export class LoopWindow {
  private readonly histogram = monitorEventLoopDelay({ resolution: RESOLUTION });
  private usedBefore = performance.eventLoopUtilization();
  private startedAt = performance.now();

  constructor() {
    this.histogram.enable();
  }

  /** Time since the start of the window, in milliseconds. */
  get age(): number {
    return performance.now() - this.startedAt;
  }

  /** Maximum event loop delay, in milliseconds. The histogram records the time between two samples. */
  get delay(): number {
    return this.histogram.count === 0 ? 0 : Math.max(0, this.histogram.max / NANOSECONDS - RESOLUTION);
  }

  /** Fraction of the time during which the event loop was busy, 0 to 1. */
  get utilization(): number {
    return performance.eventLoopUtilization(this.usedBefore).utilization;
  }

  /** Restarts the measurement. A delay that began before the first sample is not counted. */
  restart(): void {
    this.histogram.reset();
    this.usedBefore = performance.eventLoopUtilization();
    this.startedAt = performance.now();
  }

  close(): void {
    this.histogram.disable();
  }
}
