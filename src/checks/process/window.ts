import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

/** How often the loop is looked at, in milliseconds. */
const RESOLUTION = 20;
const NANOSECONDS = 1e6;

/** What the event loop did since the window was made or began anew. Keeps no process alive. */
export class LoopWindow {
  private readonly histogram = monitorEventLoopDelay({ resolution: RESOLUTION });
  private usedBefore = performance.eventLoopUtilization();
  private startedAt = performance.now();

  constructor() {
    this.histogram.enable();
  }

  /** Milliseconds. */
  get age(): number {
    return performance.now() - this.startedAt;
  }

  /** The longest that the loop was late, in milliseconds. What is counted are the times from look to look. */
  get delay(): number {
    return this.histogram.count === 0 ? 0 : Math.max(0, this.histogram.max / NANOSECONDS - RESOLUTION);
  }

  /** The part of the time that the loop did not wait, 0 to 1. */
  get utilization(): number {
    return performance.eventLoopUtilization(this.usedBefore).utilization;
  }

  /** A delay that begins before the next look is not seen: the first look only starts the time. */
  restart(): void {
    this.histogram.reset();
    this.usedBefore = performance.eventLoopUtilization();
    this.startedAt = performance.now();
  }

  close(): void {
    this.histogram.disable();
  }
}
