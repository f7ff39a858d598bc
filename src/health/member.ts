import type { DefinedCheck } from './defined-check.js';
import type { Fate } from './fate.js';
import type { OwnResult } from './health.js';
import type { Reason } from './reason.js';
import type { NormalizedResult } from './result.js';
import type { CheckState, Counted } from './state.js';

/** An object that waits for a run. */
export interface Waiter {
  onRunEnded(): void;
  /** Called when a change may make waiting for runs unnecessary. */
  reconsider(): void;
}

/** The latest result as returned by the run, before `rise` and `fall` are applied. */
export interface RawResult {
  readonly status: CheckState;
  /** Start of the run in monotonic milliseconds; -Infinity before the first result. */
  readonly startedAt: number;
  /** Whether the check has ever returned pass or warn. */
  readonly hasPassed: boolean;
}

export const NO_RESULT: RawResult = { status: 'unknown', startedAt: Number.NEGATIVE_INFINITY, hasPassed: false };

/**
 * A check as used by queries: its latest result, and a way to request a newer one. Times are in monotonic milliseconds.
 */
export interface Member extends Counted {
  readonly reason: Reason | undefined;
  readonly name: string;
  readonly groups: readonly string[];
  readonly check: Pick<
    DefinedCheck,
    'kind' | 'componentType' | 'target' | 'maxAge' | 'critical' | 'groups' | 'rise' | 'fall'
  >;
  readonly hysteresis: {
    /** The result that counts; undefined if there is none. */
    readonly result: NormalizedResult | undefined;
    readonly since: number;
    readonly passes: number;
    readonly fails: number;
  };
  readonly output: string | undefined;
  readonly raw: RawResult;
  /** Start of the last finished run; -Infinity before the first one. */
  readonly startedAt: number;
  /** Duration of the last finished run; undefined if no run was possible. */
  readonly duration: number | undefined;
  /** Time until which the latest result is fresh for requests that set no max age. */
  readonly freshUntil: number;
  /** Maximum age at which a result counts. */
  readonly limit: number;
  /** Time at which the verdict on a failure becomes unknown; undefined if there is no verdict or it is unknown. */
  readonly verdictLimit: number | undefined;
  /** The latest result as returned by the run. A result older than `limit` does not count. */
  own(now: number): OwnResult;
  /** The max age that applies to a request with the max age `wanted`; undefined: the request sets none. */
  maxAge(wanted: number | undefined): number;
  /**
   * Whether the latest result is fresh enough for a request. Always false for max age 0, which requires a run that
   * starts after the request.
   */
  isFresh(maxAge: number, now: number): boolean;
  /**
   * Requests a run that satisfies a request: the current one if it is young enough, otherwise the next one, which is
   * started if `mayStart`. Returns the number of the run, for the methods below.
   */
  requestRun(maxAge: number, now: number, hops: number, mayStart: boolean): number;
  /** Whether run `run` has finished. */
  hasEnded(run: number): boolean;
  /** Notifies `waiter` when run `run` has finished. */
  addWaiter(run: number, waiter: Waiter): void;
  removeWaiter(waiter: Waiter): void;
  /**
   * Adds a subscriber. While it has subscribers, a check without an interval runs each time its result exceeds its max
   * age.
   */
  watch(): void;
  /** Removes a subscriber. */
  cancelWatches(): void;
}

/** Values derived from the latest result of a check and its settings. */
export abstract class LatestResult {
  abstract readonly check: Member['check'] & Pick<DefinedCheck, 'name'>;
  abstract readonly hysteresis: Member['hysteresis'];
  abstract readonly raw: RawResult;
  abstract readonly startedAt: number;
  abstract readonly limit: number;

  get name(): string {
    return this.check.name;
  }

  get critical(): boolean {
    return this.check.critical;
  }

  get groups(): readonly string[] {
    return this.check.groups;
  }

  get state(): CheckState {
    return this.hysteresis.result?.status ?? 'unknown';
  }

  /** Reason for a state other than pass. */
  get reason(): Reason | undefined {
    const { result } = this.hysteresis;
    return result ? result.reason : 'never-ran';
  }

  /** Fate of a failure about which peers were queried. */
  get fate(): Fate | undefined {
    return this.hysteresis.result?.verdict?.fate;
  }

  own(now: number): OwnResult {
    const { status, startedAt, hasPassed } = this.raw;
    const age = Math.max(0, now - startedAt);
    return age <= this.limit ? { state: status, age, hasPassed } : { state: 'unknown', age: undefined, hasPassed };
  }

  get freshUntil(): number {
    const { maxAge } = this.check;
    return maxAge > 0 ? this.startedAt + maxAge : Number.NEGATIVE_INFINITY;
  }

  maxAge(wanted: number | undefined): number {
    return wanted === undefined ? this.check.maxAge : Math.min(wanted, this.limit);
  }

  isFresh(maxAge: number, now: number): boolean {
    return maxAge > 0 && this.startedAt + maxAge >= now;
  }
}
