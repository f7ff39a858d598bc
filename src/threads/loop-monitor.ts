import type { Clock, Timer } from '../common/clock.js';
import type { LoopLimits } from '../options/settings.js';
import type { ThreadStats } from './thread-stats.js';

/** Interval between heartbeats of the main thread, and between ticks of the monitoring thread. */
export const PERIOD_MS = 100;

/** Whether the event loop of the main thread has been blocked for longer than a limit. */
export interface LoopStatus {
  readonly isReadinessBlocked: boolean;
  readonly isLivenessBlocked: boolean;
  /** Wall-clock time at which the block began. */
  readonly blockedSince: number;
}

/** An event loop stall that exceeded a limit and has ended. Times are wall-clock times in milliseconds. */
export interface Stall {
  readonly since: number;
  /** Time at which the first of `scopes` began to report fail. */
  readonly failedAt: number;
  readonly endedAt: number;
  /** Stall time, in milliseconds. */
  readonly duration: number;
  /** The scopes that reported fail. */
  readonly scopes: readonly ('readiness' | 'liveness')[];
}

/**
 * Counts heartbeats of the main thread's event loop in shared memory. Its timer keeps the process alive, like a
 * listener, even while the only thread is being restarted.
 */
export class LoopHeartbeat {
  private timer: NodeJS.Timeout | undefined;

  /** @param beats array with one element. */
  constructor(private readonly beats: Int32Array) {}

  start(): void {
    this.timer = setInterval(() => Atomics.add(this.beats, 0, 1), PERIOD_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }
}

/**
 * Monitors the heartbeats of the main thread from another thread. Only ticks without a heartbeat count as stall time,
 * and each tick counts for at most two periods, so time during which the whole process was stopped is not counted.
 */
export class LoopMonitor {
  private seen = 0;
  private tickedAt = 0;
  private stalled = 0;
  private timer: Timer;
  private status: LoopStatus = { isReadinessBlocked: false, isLivenessBlocked: false, blockedSince: 0 };

  constructor(
    private readonly clock: Clock,
    private readonly beats: () => number,
    public limits: LoopLimits,
    private readonly stats: ThreadStats,
    private readonly changed: (status: LoopStatus, stalled: number) => void,
    private readonly ticked: () => void,
  ) {}

  start(): void {
    this.seen = this.beats();
    this.tickedAt = this.clock.now();
    this.arm();
  }

  stop(): void {
    this.clock.clear(this.timer);
  }

  private arm(): void {
    this.timer = this.clock.after(PERIOD_MS, () => {
      this.tick();
      this.ticked();
      this.arm();
    });
  }

  private tick(): void {
    const now = this.clock.now();
    const beats = this.beats();
    const before = this.stalled;
    if (beats === this.seen) this.stalled += Math.min(now - this.tickedAt, 2 * PERIOD_MS);
    else this.stalled = 0;
    this.seen = beats;
    this.tickedAt = now;
    this.stats.stalled = this.stalled / 1000;
    this.update(Math.max(before, this.stalled));
  }

  private update(longest: number): void {
    const { readinessStall, livenessStall } = this.limits;
    const exceeds = (limit: number) => limit > 0 && this.stalled >= limit;
    const isReadinessBlocked = exceeds(readinessStall);
    const isLivenessBlocked = exceeds(livenessStall);
    const { status } = this;
    if (isReadinessBlocked === status.isReadinessBlocked && isLivenessBlocked === status.isLivenessBlocked) return;
    const wasBlocked = status.isReadinessBlocked || status.isLivenessBlocked;
    const blockedSince = wasBlocked ? status.blockedSince : this.clock.wall() - this.stalled;
    if (isReadinessBlocked && !status.isReadinessBlocked) this.stats.countStall('readiness');
    if (isLivenessBlocked && !status.isLivenessBlocked) this.stats.countStall('liveness');
    this.status = { isReadinessBlocked, isLivenessBlocked, blockedSince };
    this.changed(this.status, longest);
  }
}
