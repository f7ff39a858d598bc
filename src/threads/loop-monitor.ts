import type { Clock, Timer } from '../common/clock.js';
import type { LoopLimits } from '../options/settings.js';
import type { ThreadStats } from './thread-stats.js';

/** Time between two heartbeats of the main thread, and between two ticks of the thread that watches them. */
export const PERIOD_MS = 100;

/** Whether the event loop of the main thread is blocked for longer than a limit. */
export interface LoopStatus {
  readonly isReadinessBlocked: boolean;
  readonly isLivenessBlocked: boolean;
  /** Wall-clock time since which it is blocked. */
  readonly blockedSince: number;
}

/** A stall of the event loop that exceeded a limit and has ended. Times on the wall clock, in milliseconds. */
export interface Stall {
  readonly since: number;
  /** When the first of `scopes` began to report fail. */
  readonly failedAt: number;
  readonly endedAt: number;
  /** Stalled time, in milliseconds. */
  readonly duration: number;
  /** The scopes that reported fail. */
  readonly scopes: readonly ('readiness' | 'liveness')[];
}

/**
 * Counts heartbeats of the event loop of the main thread in shared memory. Like a listener, it keeps the process alive, also
 * while no thread runs because its only one is being started again.
 */
export class LoopHeartbeat {
  private timer: NodeJS.Timeout | undefined;

  /** @param beats one element. */
  constructor(private readonly beats: Int32Array) {}

  start(): void {
    this.timer = setInterval(() => Atomics.add(this.beats, 0, 1), PERIOD_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }
}

/**
 * Watches the heartbeats of the main thread from another one. Only ticks of this thread without a heartbeat count as
 * stalled time, each as at most two periods: time in which the whole process was stopped does not count.
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
