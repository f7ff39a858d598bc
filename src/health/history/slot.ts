import { isHealthy, type State } from '../state.js';

/** Length of a slot, in milliseconds. */
export const MINUTE_MS = 60_000;

/**
 * What is known about one minute of a check, a group or another responder. Slots begin at full minutes of wall-clock
 * time.
 */
export interface Slot {
  /** Milliseconds with a known state, 0 to 60000. The rest is time without data or draining. */
  readonly knownMs: number;
  /** Milliseconds of `knownMs` with a state other than pass or warn. */
  readonly unhealthyMs: number;
  /** The worst state, even if it lasted less than a millisecond; undefined if no state is known. */
  readonly worst: State | undefined;
  /** Number of runs that ended; at most 65535. */
  readonly runs: number;
  /** Number of runs with the result fail or unknown. */
  readonly failures: number;
  /**
   * Durations of the runs, in milliseconds; undefined without a run. In finished minutes, they are rounded to 8
   * significant bits, an error of less than 0.4 %.
   */
  readonly minMs: number | undefined;
  readonly meanMs: number | undefined;
  readonly maxMs: number | undefined;
}

/** From best to worst. The positions are part of the history file format. */
export const stateOrder = [
  'pass',
  'warn',
  'draining',
  'starting',
  'unknown',
  'not-found',
  'fail',
] as const satisfies State[];

const severity = Object.fromEntries(stateOrder.map((state, order) => [state, order])) as Record<State, number>;

/** Maximum of `runs` and `failures`. */
export const MAX_RUNS = 0xffff;

/** The slot of the current minute. */
export class OpenSlot implements Slot {
  knownMs = 0;
  unhealthyMs = 0;
  worst: State | undefined;
  runs = 0;
  failures = 0;
  minMs: number | undefined;
  maxMs: number | undefined;
  private timedRuns = 0;
  private totalMs = 0;

  get meanMs(): number | undefined {
    return this.timedRuns > 0 ? this.totalMs / this.timedRuns : undefined;
  }

  get isEmpty(): boolean {
    return this.worst === undefined && this.runs === 0;
  }

  /** Records that this state applied, for any length of time. */
  see(state: State): void {
    if (this.worst === undefined || severity[state] > severity[this.worst]) this.worst = state;
  }

  /**
   * Adds time in a state, up to a full minute in total. Draining is planned, so it is seen but counts neither as
   * healthy nor as unhealthy time. Starting is unhealthy, because a start may never finish.
   */
  addTime(ms: number, state: State): void {
    this.see(state);
    if (state !== 'draining') this.addKnown(ms, isHealthy(state) ? 0 : ms);
  }

  /**
   * Records that an unhealthy state applied for `ms` of the `elapsed` milliseconds. Time without data is replaced
   * first.
   */
  correct(ms: number, state: State, elapsed: number): void {
    this.see(state);
    this.knownMs += Math.min(ms, Math.max(0, elapsed - this.knownMs));
    this.unhealthyMs = Math.min(this.knownMs, this.unhealthyMs + ms);
  }

  addRun(failed: boolean, durationMs: number | undefined): void {
    this.runs = Math.min(MAX_RUNS, this.runs + 1);
    if (failed) this.failures = Math.min(MAX_RUNS, this.failures + 1);
    if (durationMs !== undefined) this.addDurations(durationMs, durationMs, durationMs, 1);
  }

  /** Adds another part of the same minute. */
  add(part: Slot): void {
    if (part.worst !== undefined) this.see(part.worst);
    this.addKnown(part.knownMs, part.unhealthyMs);
    this.runs = Math.min(MAX_RUNS, this.runs + part.runs);
    this.failures = Math.min(MAX_RUNS, this.failures + part.failures);
    const { minMs, meanMs, maxMs } = part;
    if (minMs !== undefined && meanMs !== undefined && maxMs !== undefined) {
      this.addDurations(minMs, meanMs, maxMs, part.runs);
    }
  }

  /** Returns an immutable copy; undefined if the slot is empty. */
  snapshot(): Slot | undefined {
    if (this.isEmpty) return undefined;
    const { worst, runs, failures, minMs, meanMs, maxMs } = this;
    const [knownMs, unhealthyMs] = [Math.round(this.knownMs), Math.round(this.unhealthyMs)];
    return { knownMs, unhealthyMs, worst, runs, failures, minMs, meanMs, maxMs };
  }

  private addKnown(ms: number, unhealthyMs: number): void {
    // If the clock is set back, a minute lasts longer.
    const room = MINUTE_MS - this.knownMs;
    this.knownMs += Math.min(ms, room);
    this.unhealthyMs += Math.min(unhealthyMs, room);
  }

  private addDurations(minMs: number, meanMs: number, maxMs: number, runs: number): void {
    this.timedRuns += runs;
    this.totalMs += meanMs * runs;
    this.minMs = Math.min(this.minMs ?? minMs, minMs);
    this.maxMs = Math.max(this.maxMs ?? maxMs, maxMs);
  }
}
