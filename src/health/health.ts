import type { CheckState, State } from './state.js';

export const scopes = ['readiness', 'liveness', 'startup'] as const;
export type Scope = (typeof scopes)[number];

/** Maximum number of checks that a request may name. */
export const MAX_CHECKS = 32;

/** A request for a status. Times are in milliseconds. */
export interface Query {
  scope: Scope;
  /** Names of checks. Cannot be combined with `group`. Default: the group of the scope. */
  checks?: readonly string[];
  group?: string;
  /**
   * Maximum age of the results; 0 requires a run that starts after this request. Default: the max age of each check.
   */
  maxAge?: number;
  /**
   * How long to wait for runs; 0 = return the current status immediately. An outdated result starts a run in either
   * case.
   */
  timeout: number;
  /**
   * Number of responders that forwarded the request. If it is above 0, the answer does not wait for checks that query
   * other responders.
   */
  hops: number;
}

/** The checks that a request covers. */
export type Selection = Pick<Query, 'scope' | 'checks' | 'group'>;

/**
 * How much a report contains. `full`: everything. `causes`: everything except the checks. `chain`: only instance, state
 * and the instances of the causes, for responders that may not see details.
 */
export type ReportDetail = 'full' | 'causes' | 'chain';

/** The status of a selection of checks. */
export interface Answer {
  readonly state: State;
  /** Whether a required run has not finished, so that this is the last known status. */
  readonly stale: boolean;
  /** Whether the status is stale because the request's deadline expired. False for a request that did not wait. */
  readonly late: boolean;
  /** Time in milliseconds since the start of the oldest run whose result counts; 0 if no result counts. */
  readonly age: number;
  /** The report as JSON. It is serialized at most once per change or per 250 ms, and shared by all requests. */
  report(detail: ReportDetail): Buffer;
  /** The selected checks with state fail or unknown, in configuration order. */
  failing(): readonly FailingCheck[];
}

export interface FailingCheck {
  readonly name: string;
  /** The state that the check contributes to the aggregate; undefined if it contributes none. */
  readonly adds: CheckState | undefined;
  readonly reason: string;
}

/** The cached answer to a bare PING. It is read on each PING, and replaced only when something changes. */
export interface CachedStatus {
  readonly state: State;
  /** Monotonic time until which the status may be used without a new request; Infinity if it does not expire. */
  readonly freshUntil: number;
  /** Monotonic time at which the oldest run started; Infinity if no result counts. */
  readonly since: number;
}

/**
 * The latest result of one check as returned by its run, regardless of `critical`, `rise`, `fall` and the state of the
 * service.
 */
export interface OwnResult {
  /** `unknown` if no result counts. */
  readonly state: CheckState;
  /** Time since the start of its run, in milliseconds; undefined if no result counts. */
  readonly age: number | undefined;
  /** Whether the check has passed or warned since the process started, or since a reload replaced it. */
  readonly hasPassed: boolean;
}

/** A subscription to the status of a selection of checks. */
export interface Subscription {
  /** The current status. */
  readonly answer: Answer;
  /** Calls `changed` before returning if there is a change of which the subscriber has not been notified. */
  notifyIfChanged(): void;
  end(): void;
}

/** Withdraws a request, so that its callback is no longer called. */
export type Withdraw = () => void;

/**
 * Interface between the server and the checks. It is small and uses callbacks, so that checks can run on a different
 * thread than the sockets.
 */
export interface Health {
  /** Random id created when the process starts. Sent in HELLO and in each report. */
  readonly instance: string;
  cachedStatus(scope: Scope): CachedStatus;
  /**
   * Calls `answer` exactly once: before returning if the results are fresh enough, otherwise when the required runs
   * have finished, but no later than after `query.timeout`. Runs are shared, and continue if a request is withdrawn.
   * The startup scope is answered before returning and starts the runs.
   */
  ask(query: Query, answer: (answer: Answer) => void): Withdraw;
  /** Returns the latest result of a check; undefined if the check does not exist. Starts no run. */
  own(check: string): OwnResult | undefined;
  /**
   * Subscribes to changes in the state of a selection, and in the state or reason of its checks.
   *
   * Many subscribers are notified over several turns of the event loop. A subscriber is not notified of a change that
   * is reverted before its turn. Checks run at their interval regardless of the number of subscribers. A check whose
   * result is outdated runs immediately. A check without an interval runs each time its result exceeds its max age.
   *
   * @param maxSelections maximum number of different `checks` selections with subscribers. Default: no limit.
   * @returns undefined if the limit is reached and the selection has no subscriber yet.
   */
  watch(selection: Selection, changed: () => void, maxSelections?: number): Subscription | undefined;
}
