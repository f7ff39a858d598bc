import type { CheckState, State } from './state.js';

export const scopes = ['readiness', 'liveness', 'startup'] as const;
export type Scope = (typeof scopes)[number];

/** Maximum number of checks that a request may name. */
export const MAX_CHECKS = 32;

/** A request for a status. Times in milliseconds. */
export interface Query {
  scope: Scope;
  /** Names of checks; not together with `group`. Default: the group of the scope. */
  checks?: readonly string[];
  group?: string;
  /**
   * Maximum age of the results; 0 requires a run that starts after this request. Default: the max age of each check.
   */
  maxAge?: number;
  /** How long to wait for runs; 0 = return the current status at once. An outdated result still starts a run. */
  timeout: number;
  /**
   * Number of responders that forwarded the request. If above 0, the answer does not wait for checks of other
   * responders.
   */
  hops: number;
}

/** The checks that a request covers. */
export type Selection = Pick<Query, 'scope' | 'checks' | 'group'>;

/**
 * How much a report contains. `full`: everything; `causes`: the report without its checks; `chain`: instance, state and
 * the bare instances of the causes, for responders that may not see details.
 */
export type ReportDetail = 'full' | 'causes' | 'chain';

/** The status of a selection of checks. */
export interface Answer {
  readonly state: State;
  /** A required run has not finished: this is the last known status. */
  readonly stale: boolean;
  /** The status is stale because the deadline of the request expired; false if the request did not wait. */
  readonly late: boolean;
  /** Time since the start of the run whose result is the oldest that counts, in milliseconds; 0 if no result counts. */
  readonly age: number;
  /** The report as JSON. It is serialised at most once per change or 250 ms, and shared by all requests. */
  report(detail: ReportDetail): Buffer;
  /** The selected checks that are fail or unknown, in the order of the configuration. */
  failing(): readonly FailingCheck[];
}

export interface FailingCheck {
  readonly name: string;
  /** What it adds to the aggregate; undefined: nothing. */
  readonly adds: CheckState | undefined;
  readonly reason: string;
}

/** The cached answer to a bare PING. It is read on every PING and replaced only when something changes. */
export interface CachedStatus {
  readonly state: State;
  /** Monotonic time until which it may be used without a new request; Infinity if it does not expire. */
  readonly freshUntil: number;
  /** Monotonic time at which its oldest run started; Infinity if no result counts. */
  readonly since: number;
}

/** The latest result of one check as its run returned it: without `critical`, `rise`, `fall` and the state of the service. */
export interface OwnResult {
  /** `unknown` also without a result that counts. */
  readonly state: CheckState;
  /** Time since the start of its run, in milliseconds; undefined without a result that counts. */
  readonly age: number | undefined;
  /** Whether the check has passed or warned since the process started, or since a reload replaced it. */
  readonly hasPassed: boolean;
}

/** A subscription to the status of a selection of checks. */
export interface Subscription {
  /** The current status. */
  readonly answer: Answer;
  /** Calls `changed` before returning if there is a change that has not been notified. */
  notifyIfChanged(): void;
  /** Ends the subscription. */
  end(): void;
}

/** Withdraws a request: its callback is not called any more. */
export type Withdraw = () => void;

/**
 * Interface between the server and the checks. It is small and uses callbacks, so that checks can run on another thread
 * than the sockets.
 */
export interface Health {
  /** Random per process start; sent in HELLO and in every report. */
  readonly instance: string;
  cachedStatus(scope: Scope): CachedStatus;
  /**
   * Calls `answer` exactly once: before returning if the results are fresh enough, otherwise when the required runs
   * have finished, at the latest after `query.timeout`. Runs are shared and continue if a request is withdrawn. The scope
   * startup is answered before returning, and starts the runs.
   */
  ask(query: Query, answer: (answer: Answer) => void): Withdraw;
  /** Returns the latest result of a check; undefined if there is no such check. Starts no run. */
  own(check: string): OwnResult | undefined;
  /**
   * Subscribes to changes of the state of a selection, and of the state or reason of its checks.
   *
   * Many subscribers are notified over several event loop turns; a change that is reverted before its turn is not
   * notified. Checks run at their interval regardless of the number of subscribers. A check whose result is outdated
   * runs at once, and a check without an interval runs whenever its result exceeds its max age.
   *
   * @param maxSelections limit of different `checks` selections with subscribers. Default: no limit.
   * @returns undefined if the limit is reached and the selection has no subscriber yet.
   */
  watch(selection: Selection, changed: () => void, maxSelections?: number): Subscription | undefined;
}
