import type { Clock, Timer } from '../../common/clock.js';
import type { DefinedCheck } from '../defined-check.js';
import type { Reason } from '../reason.js';
import type { NormalizedResult, ResultNormalizer } from '../result.js';
import type { CheckState } from '../state.js';
import { Hysteresis } from './hysteresis.js';
import { Loader } from './loader.js';
import { Run } from './run.js';
import { type FlightListener, SingleFlight } from './single-flight.js';
import { CheckStats } from './stats.js';

/** The most that a background run comes early, as a part of the interval, so that instances do not run in step. */
const JITTER = 0.25;

/** How often what is watched and run on demand only is run where its max age is 0, so that no result satisfies a later caller. */
const PERIOD_WITHOUT_AGE = 5000;

/** Someone who waits for a run. */
export interface Waiter {
  onRunEnded(): void;
}

/** Shared by all monitors; a reload changes it in place. */
export interface MonitorContext {
  readonly clock: Clock;
  /** 0 to below 1, for the jitter. */
  readonly random: () => number;
  normalizer: ResultNormalizer;
  /** What checks are loading. */
  loads: Set<Promise<unknown>>;
  /** Results older than this, and than the check's own max age, count for nothing. Milliseconds. */
  staleLimit: number;
  /** Something about the check is other than before: at each result, and when the last one became too old. */
  changed(monitor: Monitor, before: Snapshot): void;
}

/** What was snapshot of a check before. */
export interface Snapshot {
  readonly state: CheckState;
  readonly reason: Reason | undefined;
}

/** One check as it is watched: when it runs, what is snapshot of it, and who waits for it. */
export class Monitor implements FlightListener {
  readonly hysteresis: Hysteresis;
  readonly stats: CheckStats;
  /** Monotonic moment at which the latest run that ended began; -Infinity before. */
  startedAt = Number.NEGATIVE_INFINITY;
  /** How long it took, in milliseconds; undefined where none was possible. */
  duration: number | undefined;
  private readonly flight: SingleFlight;
  private intervalTimer: Timer;
  private limitTimer: Timer;
  /** Watched views that it counts in. */
  private watches = 0;
  private waitingForCurrent = new Set<Waiter>();
  private waitingForNext = new Set<Waiter>();

  constructor(
    public check: DefinedCheck,
    private readonly context: MonitorContext,
  ) {
    const { clock } = context;
    this.stats = new CheckStats(clock.wall() / 1000);
    this.hysteresis = new Hysteresis(check.rise, check.fall, clock.now());
    this.flight = new SingleFlight(
      clock,
      check.minInterval,
      (hops, listener) => new Run(this.check, hops, clock, context.normalizer, listener),
      (hanging) => context.normalizer.failed('timeout', `${hanging} earlier runs have not ended`),
      () => new Loader(this.check.load, clock, context.normalizer, context.loads),
      this,
    );
  }

  /** Age beyond which a result counts for nothing, in milliseconds. */
  get limit(): number {
    return Math.max(this.context.staleLimit, this.check.maxAge);
  }

  get name(): string {
    return this.check.name;
  }

  get kind(): string {
    return this.check.kind;
  }

  get critical(): boolean {
    return this.check.critical;
  }

  get groups(): readonly string[] {
    return this.check.groups;
  }

  get state(): CheckState {
    return this.hysteresis.state;
  }

  get passes(): number {
    return this.hysteresis.passes;
  }

  get fails(): number {
    return this.hysteresis.fails;
  }

  /** Why the state is not pass. */
  get reason(): Reason | undefined {
    const { result } = this.hysteresis;
    return result ? result.reason : 'never-ran';
  }

  /** What the result says; where there is none, that what the check needs is still being loaded. */
  get output(): string | undefined {
    const { result } = this.hysteresis;
    if (result) return result.output;
    return this.flight.isLoading ? 'still loading what the check needs' : undefined;
  }

  /** Whether a run has ended. */
  get hasRun(): boolean {
    return this.startedAt > Number.NEGATIVE_INFINITY;
  }

  get inFlight(): boolean {
    return this.flight.runningSince !== undefined;
  }

  get abandoned(): number {
    return this.flight.abandoned;
  }

  /** Starts the first run; the background runs follow from it. */
  start(): void {
    this.flight.request(0);
  }

  /** The settings of the same check, or the stale limit, may be others: they hold from now on, for a run from the next one on. */
  configure(check: DefinedCheck): void {
    const { interval } = this.check;
    const { clock } = this.context;
    this.apply(check);
    if (!this.hasRun) return;
    this.scheduleLimit(clock.now());
    // While a run goes on, the next one is scheduled when it ends.
    if (check.interval !== interval && !this.inFlight) this.scheduleNext(clock.now());
  }

  /**
   * Another check takes the place of this one under its name: what is snapshot and what was counted stays until its first
   * result. `restart` has to follow.
   */
  replace(check: DefinedCheck): void {
    this.configure(check);
    this.hysteresis.restart();
  }

  /** Starts the first run of the check that took the place, for whom waits for a run too; settles when nothing of the old one runs. */
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

  /** The age that is really accepted where `wanted` was asked for, in milliseconds. */
  maxAge(wanted: number | undefined): number {
    return wanted === undefined ? this.check.maxAge : Math.min(wanted, this.limit);
  }

  /** Whether the latest result satisfies who asks now. With `maxAge` 0 none does: the run has to start after the question. */
  isFresh(maxAge: number, now: number): boolean {
    return maxAge > 0 && this.startedAt + maxAge >= now;
  }

  /** Age up to which a result satisfies who names none, in milliseconds. */
  get sharedFor(): number {
    return this.check.maxAge;
  }

  /** Until when the latest result satisfies who names no age. */
  get freshUntil(): number {
    const { maxAge } = this.check;
    return maxAge > 0 ? this.startedAt + maxAge : Number.NEGATIVE_INFINITY;
  }

  /**
   * The number of the run that will satisfy who asks now: of the one going on
   * if it is young enough, else of the next, which `mayStart` starts.
   */
  requestRun(maxAge: number, now: number, hops: number, mayStart: boolean): number {
    const { runningSince, started } = this.flight;
    if (runningSince !== undefined && maxAge > 0 && runningSince + maxAge >= now) return started;
    return mayStart ? this.flight.request(hops) : started + 1;
  }

  /** Somebody watches: what is run on demand only is now run whenever its result has outlived its max age. */
  watch(): void {
    this.watches++;
    // A run that goes on schedules the next one when it has ended.
    if (this.watches === 1 && this.check.interval === 0 && !this.inFlight) this.scheduleNext(this.context.clock.now());
  }

  /** One of those who watch has gone. */
  cancelWatches(): void {
    this.watches--;
    if (this.watches === 0 && this.check.interval === 0) this.context.clock.clear(this.intervalTimer);
  }

  /** Whether run number `run` has ended. */
  hasEnded(run: number): boolean {
    return this.flight.ended >= run;
  }

  /** Tells `waiter` when run number `run` has ended. */
  addWaiter(run: number, waiter: Waiter): void {
    (run > this.flight.started ? this.waitingForNext : this.waitingForCurrent).add(waiter);
  }

  removeWaiter(waiter: Waiter): void {
    this.waitingForCurrent.delete(waiter);
    this.waitingForNext.delete(waiter);
  }

  /** Aborts what runs and tells whoever waits; settles when it has let go. */
  stop(): Promise<void> {
    const { clock } = this.context;
    clock.clear(this.intervalTimer);
    clock.clear(this.limitTimer);
    const detach = this.flight.stop();
    for (const waiter of [...this.waitingForCurrent, ...this.waitingForNext]) waiter.onRunEnded();
    return detach;
  }

  // FlightListener

  began(): void {
    this.context.clock.clear(this.intervalTimer);
    this.waitingForCurrent = this.waitingForNext;
    this.waitingForNext = new Set();
  }

  ended(startedAt: number, result: NormalizedResult, ran: boolean): void {
    const { clock } = this.context;
    const now = clock.now();
    this.startedAt = startedAt;
    this.duration = ran ? now - startedAt : undefined;
    this.count(result);
    const before = this.snapshot;
    this.hysteresis.record(result, now);
    this.scheduleLimit(now);
    this.scheduleNext(now);
    this.report(before);
    const waiting = this.waitingForCurrent;
    this.waitingForCurrent = new Set();
    for (const waiter of waiting) waiter.onRunEnded();
  }

  private scheduleLimit(now: number): void {
    const { clock } = this.context;
    clock.clear(this.limitTimer);
    // One more: at the limit itself a result still counts.
    this.limitTimer = clock.after(Math.max(0, this.startedAt + this.limit + 1 - now), () => this.expire());
  }

  /** The next run that nobody asks for, if there is to be one. */
  private scheduleNext(now: number): void {
    const { clock } = this.context;
    clock.clear(this.intervalTimer);
    const { period } = this;
    if (period === undefined) return;
    const wait = Math.max(0, this.startedAt + period - now);
    this.intervalTimer = clock.after(wait, () => this.flight.request(0));
  }

  /** From the start of one run to that of the next that nobody asks for; undefined: there is none. */
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

  private get snapshot(): Snapshot {
    return { state: this.state, reason: this.reason };
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
    if (result.status === 'pass' || result.status === 'warn') stats.lastSuccess = this.context.clock.wall() / 1000;
    else stats.failures[result.reason ?? 'custom']++;
  }
}
