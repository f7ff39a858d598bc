import type { Clock, Timer } from '../../common/clock.js';
import type { NormalizedResult } from '../result.js';
import type { Loader } from './loader.js';
import type { Run, RunListener } from './run.js';

/** Number of hanging runs at which no further run is started, except for retries. */
export const MAX_ABANDONED = 3;
/** Interval between retries in milliseconds, in case the check works again. */
export const RETRY_MS = 30_000;
/** Number of hanging runs at which there are no more retries. */
export const MAX_ABANDONED_IN_ALL = 20;

export interface FlightListener {
  /** Called when run number `number` starts. */
  began(number: number): void;
  /** Called when a run has a result. Must call `end` with the result that counts, immediately or later. */
  finished(startedAt: number, result: NormalizedResult, end: (result: NormalizedResult) => void): void;
  /**
   * Called when the last started run has ended.
   *
   * @param startedAt monotonic time of its start.
   * @param ran false if no run was possible, because too many are hanging or loading failed.
   */
  ended(startedAt: number, result: NormalizedResult, ran: boolean): void;
}

/**
 * Runs of one check: at most one running and one queued, with at least `minInterval` between two starts. A run that
 * hangs after its timeout is abandoned. Further runs start beside it, as long as few are hanging.
 */
export class SingleFlight implements RunListener {
  /** Number of the last started run. Runs end in the order of their numbers. */
  started = 0;
  /** Number of the last ended run. */
  ended = 0;
  private running: Run | undefined;
  private loader: Loader;
  /** The queued run, with the lowest hop count of its requesters. */
  private next: { hops: number } | undefined;
  private minIntervalTimer: Timer;
  private lastStart = Number.NEGATIVE_INFINITY;
  /** Start of the last run that was not refused. */
  private lastRun = Number.NEGATIVE_INFINITY;
  private readonly hanging = new Set<Run>();
  /** Whether the latest run was refused. */
  private isRunRefused = false;
  private stopped = false;
  /** Whether the latest run has a result that does not count yet. */
  private isFinishing = false;

  constructor(
    private readonly clock: Clock,
    private minInterval: number,
    private readonly create: (hops: number, listener: RunListener) => Run,
    private readonly refused: (hanging: number) => NormalizedResult,
    private readonly createLoader: () => Loader,
    private readonly listener: FlightListener,
  ) {
    this.loader = createLoader();
  }

  /** Monotonic time at which the current run started. */
  get runningSince(): number | undefined {
    return this.running?.startedAt;
  }

  /** Number of runs that are still hanging after their timeout. */
  get abandoned(): number {
    return this.hanging.size;
  }

  /**
   * Requests a run that starts after this call, and returns its number. The run may have ended when this method
   * returns.
   */
  request(hops: number): number {
    if (this.next) {
      // The run must satisfy the request with the fewest hops.
      this.next.hops = Math.min(this.next.hops, hops);
      return this.started + 1;
    }
    this.next = { hops };
    this.advance();
    return this.next ? this.started + 1 : this.started;
  }

  /** Whether the check is being loaded. The first run waits for that. */
  get isLoading(): boolean {
    return this.loader.isLoading;
  }

  /** Applies from the next start. */
  setMinInterval(minInterval: number): void {
    this.minInterval = minInterval;
  }

  /**
   * Replaces the check: aborts the current run, forgets hanging runs, and starts a run as soon as `minInterval` allows.
   * Resolves when the aborted run has settled.
   */
  async replace(): Promise<void> {
    const settled = this.running?.abort();
    this.running = undefined;
    this.isFinishing = false;
    this.hanging.clear();
    this.isRunRefused = false;
    this.clock.clear(this.minIntervalTimer);
    this.loader.stop();
    this.loader = this.createLoader();
    this.next = { hops: 0 };
    this.advance();
    await settled;
  }

  /** Aborts the current run and starts no more runs. Resolves when the run has settled. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.next = undefined;
    this.clock.clear(this.minIntervalTimer);
    this.loader.stop();
    await this.running?.abort();
  }

  /** Starts the queued run as soon as possible. */
  private advance(): void {
    if (!this.next || this.running || this.isFinishing || this.stopped) return;
    const now = this.clock.now();
    // Timers may fire slightly early.
    const wait = this.lastStart + this.minInterval - now;
    if (wait > 0) {
      this.minIntervalTimer = this.clock.after(wait, () => this.advance());
      return;
    }
    if (!this.loader.isLoaded) {
      this.loader.attempt((failure) => (failure ? this.skip(failure) : this.advance()));
      return;
    }
    this.isRunRefused = !this.mayRun(now);
    if (this.isRunRefused) return this.skip(this.refused(this.hanging.size));
    const { hops } = this.next;
    this.begin(now);
    this.lastRun = now;
    const run = this.create(hops, this);
    // Read from the run, because `minInterval` applies to the reported start times.
    this.lastStart = run.startedAt;
    this.running = run;
    run.begin();
  }

  private begin(now: number): void {
    this.next = undefined;
    this.lastStart = now;
    this.started++;
    this.listener.began(this.started);
  }

  /** Ends the queued run without starting it. */
  private skip(result: NormalizedResult): void {
    const now = this.clock.now();
    this.begin(now);
    this.finish(now, result, false);
  }

  private mayRun(now: number): boolean {
    const { size } = this.hanging;
    return size < MAX_ABANDONED || (size < MAX_ABANDONED_IN_ALL && now - this.lastRun >= RETRY_MS);
  }

  /** Passes on the result. The run remains in progress until its result counts. */
  private finish(startedAt: number, result: NormalizedResult, ran: boolean): void {
    const number = this.started;
    this.isFinishing = true;
    this.listener.finished(startedAt, result, (counted) => {
      // The check has been replaced or stopped in the meantime.
      if (this.started !== number || !this.isFinishing || this.stopped) return;
      this.isFinishing = false;
      this.running = undefined;
      this.ended = number;
      this.listener.ended(startedAt, counted, ran);
      this.advance();
    });
  }

  // RunListener

  end(run: Run, result: NormalizedResult): void {
    if (!run.settled) this.hanging.add(run);
    this.finish(run.startedAt, result, true);
  }

  /** A hanging run has settled, so the check may work again. A run that was refused is started now. */
  settle(run: Run): void {
    const hung = this.hanging.delete(run);
    if (hung && this.isRunRefused && this.mayRun(this.clock.now())) this.request(0);
  }
}
