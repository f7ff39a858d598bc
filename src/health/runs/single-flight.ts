import type { Clock, Timer } from '../../common/clock.js';
import type { NormalizedResult } from '../result.js';
import type { Loader } from './loader.js';
import type { Run, RunListener } from './run.js';

/** Runs that did not let go after their timeout, beyond which no run starts as usual. */
export const MAX_ABANDONED = 3;
/** Beyond it one run is tried this often, in case that the check works again while old runs hang for ever, ... */
export const RETRY_MS = 30_000;
/** ... until so many hang. */
export const MAX_ABANDONED_IN_ALL = 20;

export interface FlightListener {
  /** Run number `number` starts. */
  began(number: number): void;
  /**
   * The run that began last has ended.
   * @param startedAt monotonic moment of its start.
   * @param ran false where no run was possible, because too many hang, or what the check needs could not be loaded.
   */
  ended(startedAt: number, result: NormalizedResult, ran: boolean): void;
}

/**
 * The runs of one check: at most one at a time and one waiting behind it,
 * never two starts within the minInterval, whatever wants them. A run that outlives
 * its timeout is abandoned: the next ones start beside it, as long as few hang.
 */
export class SingleFlight implements RunListener {
  /** Number of the run that started last; runs end in the order of their numbers. */
  started = 0;
  /** Number of the run that ended last. */
  ended = 0;
  private running: Run | undefined;
  private loader: Loader;
  /** The waiting run: how many responders the question came through that wants it. */
  private next: { hops: number } | undefined;
  private minIntervalTimer: Timer;
  private lastStart = Number.NEGATIVE_INFINITY;
  /** The same, of runs that were not refused. */
  private lastRun = Number.NEGATIVE_INFINITY;
  private readonly hanging = new Set<Run>();
  /** The latest run was refused. */
  private isRunRefused = false;
  private stopped = false;

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

  /** Monotonic moment at which the run that is going on started. */
  get runningSince(): number | undefined {
    return this.running?.startedAt;
  }

  /** Runs that did not let go after their timeout, and have not since. */
  get abandoned(): number {
    return this.hanging.size;
  }

  /** Wants a run that starts after now; returns its number. It may have ended when this returns. */
  request(hops: number): number {
    if (this.next) {
      // Whoever came the shorter way needs the fresher answer.
      this.next.hops = Math.min(this.next.hops, hops);
      return this.started + 1;
    }
    this.next = { hops };
    this.advance();
    return this.next ? this.started + 1 : this.started;
  }

  /** What the check needs is being loaded; the first run waits for it. */
  get isLoading(): boolean {
    return this.loader.isLoading;
  }

  /** Holds from the next start on. */
  setMinInterval(minInterval: number): void {
    this.minInterval = minInterval;
  }

  /**
   * Another check takes the place of this one: the run that is going on counts for nothing, those that hang do not
   * either, and one of the new check starts as soon as the minInterval allows. Settles when the aborted run has let go.
   */
  async replace(): Promise<void> {
    const detach = this.running?.abort();
    this.running = undefined;
    this.hanging.clear();
    this.isRunRefused = false;
    this.clock.clear(this.minIntervalTimer);
    this.loader.stop();
    this.loader = this.createLoader();
    this.next = { hops: 0 };
    this.advance();
    await detach;
  }

  /** Starts no more runs and aborts the one that is going on; settles when it lets go. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.next = undefined;
    this.clock.clear(this.minIntervalTimer);
    this.loader.stop();
    await this.running?.abort();
  }

  /** Starts the waiting run as soon as it may. */
  private advance(): void {
    if (!this.next || this.running || this.stopped) return;
    const now = this.clock.now();
    // Timers may fire a fraction early: look at the clock each time.
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
    // The clock has moved on since: the minInterval holds between the moments that are told.
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

  /** Ends the waiting run in place of starting it. */
  private skip(result: NormalizedResult): void {
    const now = this.clock.now();
    this.begin(now);
    this.ended = this.started;
    this.listener.ended(now, result, false);
  }

  private mayRun(now: number): boolean {
    const { size } = this.hanging;
    return size < MAX_ABANDONED || (size < MAX_ABANDONED_IN_ALL && now - this.lastRun >= RETRY_MS);
  }

  // RunListener

  end(run: Run, result: NormalizedResult): void {
    this.running = undefined;
    this.ended = this.started;
    if (!run.settled) this.hanging.add(run);
    this.listener.ended(run.startedAt, result, true);
    this.advance();
  }

  /** A run that hung lets go: perhaps the check works again, so a run that was refused is made up for. */
  settle(run: Run): void {
    const hung = this.hanging.delete(run);
    if (hung && this.isRunRefused && this.mayRun(this.clock.now())) this.request(0);
  }
}
