import type { Clock } from '../common/clock.js';
import { systemClock } from '../common/clock.js';
import type { Identity } from '../health/report.js';
import type { LoopLimits } from '../options/settings.js';
import type { ServerSettings } from '../server/settings.js';
import type { CountsMemory } from './shared-counts.js';

/** Data with which a thread starts. The typed arrays are views of shared memory. */
export interface ThreadData {
  readonly index: number;
  /** Clock origin of the main thread; see `clockOrigin`. */
  readonly origin: number;
  readonly identity: Identity;
  readonly settings: ServerSettings;
  readonly loop: LoopLimits;
  /** Counts the heartbeats of the main thread. */
  readonly beats: Int32Array;
  readonly serverStats: Float64Array;
  readonly threadStats: Float64Array;
  readonly grpcStats: Float64Array;
  /** Number of events that the main thread has not received yet. */
  readonly pendingEvents: Int32Array;
  readonly counts: CountsMemory;
}

/**
 * Origin of this thread's monotonic clock, in milliseconds of the system's monotonic clock. Threads may have different
 * origins.
 */
export function clockOrigin(): number {
  let best = { origin: 0, error: Number.POSITIVE_INFINITY };
  for (let attempt = 0; attempt < 10; attempt++) {
    const before = process.hrtime.bigint();
    const now = performance.now();
    const after = process.hrtime.bigint();
    const error = Number(after - before);
    if (error < best.error) best = { origin: Number(before + after) / 2e6 - now, error };
  }
  return best.origin;
}

/** Returns a clock for this thread that shows the monotonic time of the thread with this `origin`. */
export function clockSince(origin: number): Clock {
  const offset = clockOrigin() - origin;
  return { ...systemClock, now: () => performance.now() + offset };
}
