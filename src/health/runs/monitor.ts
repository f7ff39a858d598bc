import type { Clock, Timer } from '../../common/clock.js';
import type { DefinedCheck } from '../defined-check.js';
import type { Fate, Peers } from '../fate.js';
import { LatestResult, type Member, NO_RESULT, type RawResult, type Waiter } from '../member.js';
import type { Reason } from '../reason.js';
import { type NormalizedResult, type ResultNormalizer, withoutVerdict } from '../result.js';
import { type CheckState, isHealthy } from '../state.js';
import { Hysteresis } from './hysteresis.js';
import { Loader } from './loader.js';
import { PeerVerdicts } from './peer-verdicts.js';
import type { RepeatQueue } from './repeat-queue.js';
import { Run } from './run.js';
import { type FlightListener, SingleFlight } from './single-flight.js';
import { CheckStats } from './stats.js';
import type { RunTracer } from './trace.js';

/** Fraction of the interval by which background runs may start early, so that instances do not run in lockstep. */
const JITTER = 0.25;

/** Period in milliseconds of a check that has subscribers, no interval, and max age 0. */
const PERIOD_WITHOUT_AGE = 5000;

/** Context shared by all monitors. A reload changes it in place. */
export interface MonitorContext {
  readonly clock: Clock;
  /** Returns a number from 0 (inclusive) to 1 (exclusive), for the jitter. */
  readonly random: () => number;
  normalizer: ResultNormalizer;
  /** Pending loads of checks and of the service. */
  loads: Set<Promise<unknown>>;
  readonly repeats: RepeatQueue;
  /** Results older than both this and the check's max age do not count. In milliseconds. */
  staleLimit: number;
  /** Queried about failures of checks with `onShared: 'warn'`; undefined if no peers are configured. */
  peers: Peers | undefined;
  /** Records each run; undefined if the application has no tracing system. */
  tracer: RunTracer | undefined;
  /** Called for each result of a run, before it counts. */
  recorded(monitor: Monitor): void;
  /** Called at the end of each run. `failed`: its result is fail or unknown. */
  ran(monitor: Monitor, failed: boolean): void;
  /** Called for each result that counts, and when the last one has expired. */
  changed(monitor: Monitor, before: Snapshot): void;
}

/** Previous state and reason of a check. */
export interface Snapshot {
  readonly state: CheckState;
  readonly reason: Reason | undefined;
  readonly fate: Fate | undefined;
}

/** Schedules the runs of one check, keeps its state, and notifies waiters. */
export class Monitor extends LatestResult implements Member, FlightListener {
  readonly hysteresis: Hysteresis;
  readonly stats: CheckStats;
  raw: RawResult = NO_RESULT;
  /** Monotonic time at which the last finished run started; -Infinity before the first one. */
  startedAt = Number.NEGATIVE_INFINITY;
  /** Duration of that run in milliseconds; undefined if no run was possible. */
  duration: number | undefined;
  private readonly flight: SingleFlight;
  private readonly verdicts: PeerVerdicts;
  private intervalTimer: Timer;
  private limitTimer: Timer;
  /** Duration of the last run, in milliseconds. */
  private lastDuration = 0;
  /** Number of watched groups that contain the check. */
  private watches = 0;
  private waitingForCurrent = new Set<Waiter>();
  private waitingForNext = new Set<Waiter>();

  constructor(
    public check: DefinedCheck,
    private readonly context: MonitorContext,
  ) {
    super();
    const { clock } = context;
    this.stats = new CheckStats(clock.wall() / 1000);
    this.hysteresis = new Hysteresis(check.rise, check.fall, clock.now());
    this.verdicts = new PeerVerdicts(check.name, context, () => this.endVerdict());
    this.flight = new SingleFlight(
      clock,
      check.minInterval,
      (hops, listener) =>
        new Run(this.check, hops, clock, context.normalizer, listener, context.repeats, context.tracer),
      (hanging) => context.normalizer.failed('timeout', `${hanging} earlier runs are still hanging`),
      () => new Loader(this.check.load, clock, context.normalizer, context.loads),
      this,
    );
  }

  /** Maximum age in milliseconds at which a result counts. */
  get limit(): number {
    return Math.max(this.context.staleLimit, this.check.maxAge);
  }

  get kind(): string {
    return this.check.kind;
  }

  get onShared(): 'fail' | 'warn' {
    return this.check.onShared;
  }

  get verdictLimit(): number | undefined {
    return this.verdicts.limit;
  }

  get passes(): number {
    return this.hysteresis.passes;
  }

  get fails(): number {
    return this.hysteresis.fails;
  }

  /** Output of the result. If there is no output yet, a note that the check is loading. */
  get output(): string | undefined {
    const { result } = this.hysteresis;
    if (result) return result.output;
    return this.flight.isLoading ? 'still loading' : undefined;
  }

  /** Whether a run has finished. */
  get hasRun(): boolean {
    return this.startedAt > Number.NEGATIVE_INFINITY;
  }

  get inFlight(): boolean {
    return this.flight.runningSince !== undefined;
  }

  get abandoned(): number {
    return this.flight.abandoned;
  }

  /** Starts the first run, followed by background runs. */
  start(): void {
    this.flight.request(0);
  }

  /** Applies changed settings of the same check, or a changed stale limit. A run in progress is not affected. */
  configure(check: DefinedCheck): void {
    const { interval, maxAge } = this.check;
    const { clock } = this.context;
    this.apply(check);
    if (!this.hasRun) return;
    this.scheduleLimit(clock.now());
    // If a run is in progress, the next one is scheduled when it ends.
    const hasOtherPeriod = check.interval !== interval || check.maxAge !== maxAge;
    if (hasOtherPeriod && !this.inFlight) this.scheduleNext(clock.now());
  }

  /**
   * Replaces the check under the same name. State and statistics are kept until the first result of the new check. Must
   * be followed by `restart`.
   */
  replace(check: DefinedCheck): void {
    this.configure(check);
    this.raw = NO_RESULT;
    this.hysteresis.restart();
    this.verdicts.restart();
  }

  /**
   * Starts the first run of the replacement, which also serves waiters of the old run. Resolves when no run of the old
   * check is left.
   */
  restart(): Promise<void> {
    for (const waiter of this.waitingForCurrent) this.waitingForNext.add(waiter);
    this.waitingForCurrent = new Set();
    return this.flight.replace();
  }

  private apply(check: DefinedCheck): void {
    this.check = check;
    this.hysteresis.rise = check.rise;
    this.hysteresis.fall = check.fall;
    this.flight.setMinInterval(check.minInterval);
  }

  /** Maximum age in milliseconds at which a result is shared by requests that set no max age. */
  get sharedFor(): number {
    return this.check.maxAge;
  }

  /**
   * Returns the number of the run that satisfies a request: the current one if it is young enough, otherwise the next
   * one, which is started if `mayStart`.
   */
  requestRun(maxAge: number, now: number, hops: number, mayStart: boolean): number {
    const { runningSince, started } = this.flight;
    if (runningSince !== undefined && maxAge > 0 && runningSince + maxAge >= now) return started;
    return mayStart ? this.flight.request(hops) : started + 1;
  }

  /** Adds a subscriber. A check without an interval then runs each time its result exceeds its max age. */
  watch(): void {
    this.watches++;
    // If a run is in progress, it schedules the next one when it ends.
    if (this.watches === 1 && this.check.interval === 0 && !this.inFlight) this.scheduleNext(this.context.clock.now());
  }

  /** Removes a subscriber. */
  cancelWatches(): void {
    this.watches--;
    if (this.watches === 0 && this.check.interval === 0) this.context.clock.clear(this.intervalTimer);
  }

  /** Whether run number `run` has finished. */
  hasEnded(run: number): boolean {
    return this.flight.ended >= run;
  }

  /** Notifies `waiter` when run number `run` has finished. */
  addWaiter(run: number, waiter: Waiter): void {
    (run > this.flight.started ? this.waitingForNext : this.waitingForCurrent).add(waiter);
  }

  removeWaiter(waiter: Waiter): void {
    this.waitingForCurrent.delete(waiter);
    this.waitingForNext.delete(waiter);
  }

  /** Aborts the run and notifies all waiters. Resolves when the run has released its resources. */
  stop(): Promise<void> {
    const { clock } = this.context;
    clock.clear(this.intervalTimer);
    clock.clear(this.limitTimer);
    this.verdicts.stop();
    const settled = this.flight.stop();
    for (const waiter of [...this.waitingForCurrent, ...this.waitingForNext]) waiter.onRunEnded();
    return settled;
  }

  // FlightListener

  began(): void {
    this.context.clock.clear(this.intervalTimer);
    this.waitingForCurrent = this.waitingForNext;
    this.waitingForNext = new Set();
  }

  finished(startedAt: number, result: NormalizedResult, end: (result: NormalizedResult) => void): void {
    this.lastDuration = this.context.clock.now() - startedAt;
    // Recorded before the peers are queried, so that instances that fail together see each other's failure.
    const status = this.recordRaw(startedAt, result);
    const isAsked = status === 'fail' && this.check.onShared === 'warn' && this.hysteresis.counts(result);
    if (isAsked) this.verdicts.ask(result, end);
    else end(result);
  }

  ended(startedAt: number, result: NormalizedResult, ran: boolean): void {
    const { clock } = this.context;
    const now = clock.now();
    this.startedAt = startedAt;
    this.duration = ran ? this.lastDuration : undefined;
    this.count(result);
    const before = this.snapshot;
    this.hysteresis.record(result, now);
    this.scheduleLimit(now);
    if (this.state !== 'fail') this.verdicts.recovered();
    // The verdict is renewed only after the next run, which may take until its timeout.
    this.verdicts.keep(this.fate, this.check.maxAge + this.check.interval);
    this.scheduleNext(now);
    this.report(before);
    const waiting = this.waitingForCurrent;
    this.waitingForCurrent = new Set();
    for (const waiter of waiting) waiter.onRunEnded();
  }

  /** Makes the result of a run visible to `own`, before it counts. Returns its status there. */
  private recordRaw(startedAt: number, result: NormalizedResult): CheckState {
    // A failure that only reflects this service says nothing about the dependency.
    const status = result.reason === 'loop' ? 'unknown' : result.status;
    this.verdicts.record(status, startedAt);
    this.raw = { status, startedAt, hasPassed: this.verdicts.hasPassed };
    this.context.recorded(this);
    return status;
  }

  private scheduleLimit(now: number): void {
    const { clock } = this.context;
    clock.clear(this.limitTimer);
    // One millisecond is added, because a result still counts at the limit itself.
    this.limitTimer = clock.after(Math.max(0, this.startedAt + this.limit + 1 - now), () => this.expire());
  }

  /** Schedules the next background run, if there is to be one. */
  private scheduleNext(now: number): void {
    const { clock } = this.context;
    clock.clear(this.intervalTimer);
    const { period } = this;
    if (period === undefined) return;
    const wait = Math.max(0, this.startedAt + period - now);
    this.intervalTimer = clock.after(wait, () => this.flight.request(0));
  }

  /** Time between the starts of two background runs; undefined if there are none. */
  private get period(): number | undefined {
    const { interval, maxAge } = this.check;
    if (interval > 0) return interval * (1 - JITTER * this.context.random());
    return this.watches > 0 ? maxAge || PERIOD_WITHOUT_AGE : undefined;
  }

  private expire(): void {
    const before = this.snapshot;
    this.hysteresis.expire(this.context.clock.now());
    this.report(before);
  }

  private endVerdict(): void {
    const before = this.snapshot;
    this.hysteresis.result = withoutVerdict(this.hysteresis.result);
    this.report(before);
  }

  private get snapshot(): Snapshot {
    return { state: this.state, reason: this.reason, fate: this.fate };
  }

  private report(before: Snapshot): void {
    if (this.state !== before.state) {
      this.stats.transitions++;
      this.stats.stateSince = this.context.clock.wall() / 1000;
    }
    this.context.changed(this, before);
  }

  private count(result: NormalizedResult): void {
    const { stats, duration } = this;
    stats.runs++;
    if (duration !== undefined) stats.duration.observe(duration / 1000);
    const failed = !isHealthy(result.status);
    if (failed) stats.failures[result.reason ?? 'custom']++;
    else stats.lastSuccess = this.context.clock.wall() / 1000;
    this.context.ran(this, failed);
  }
}
