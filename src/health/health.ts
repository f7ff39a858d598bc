import type { State } from './state.js';

export const scopes = ['readiness', 'liveness', 'startup'] as const;
export type Scope = (typeof scopes)[number];

/** What a caller wants to know. Times in milliseconds. */
export interface Query {
  scope: Scope;
  /** Names of checks; not together with `group`. Neither: the group of the scope. */
  checks?: readonly string[];
  group?: string;
  /** The oldest result that is accepted; 0 = of a run that starts after this request. Default: each check's own max age. */
  maxAge?: number;
  /** How long the caller waits; 0 = what is known now (an old result still starts a run). */
  timeout: number;
  /** Responders that the question came through. With hops > 0 checks of other responders are never waited for. */
  hops: number;
}

/** Which checks a caller means. */
export type Selection = Pick<Query, 'scope' | 'checks' | 'group'>;

/**
 * How much a report contains. `full`: everything; `causes`: the report without its checks; `chain`: instance, state and
 * the bare instances of the causes, for responders that may not see details.
 */
export type ReportDetail = 'full' | 'causes' | 'chain';

/** What is true, or the last that is known (`stale`). */
export interface Answer {
  readonly state: State;
  /** A wanted run was not done: this is the last known state. */
  readonly stale: boolean;
  /** Stale, because the caller's deadline expired; false for an answer that did not wait. */
  readonly late: boolean;
  /** Age of the oldest result that was counted, in ms, from the start of its run; 0 where none was. */
  readonly age: number;
  /**
   * The report as JSON text. Serialised at most once per run or quarter of a second, never per caller.
   */
  report(detail: ReportDetail): Buffer;
  /** `name`, `reason` of each selected check that is fail or unknown. */
  failing(): readonly { name: string; reason: string }[];
}

/**
 * The standing answer to a bare PING: three fields that are read on the way of
 * every PING, replaced only when something changed.
 */
export interface CachedStatus {
  readonly state: State;
  /** Monotonic moment until which it may be given without asking; Infinity: as long as it stands. */
  readonly freshUntil: number;
  /** Monotonic moment of the start of its oldest run, for the age; Infinity where no result is counted. */
  readonly since: number;
}

/** A selection that somebody watches. */
export interface Subscription {
  /** What is known of it now. */
  readonly answer: Answer;
  /** Compares now, and calls `changed` before this returns if there is a change without a notification. */
  notifyIfChanged(): void;
  /** Nothing more is told. */
  end(): void;
}

/** Takes back a question; the answer will not be given. */
export type Withdraw = () => void;

/**
 * All that the responder knows of health. It is small and its answers come by
 * callback, so that the checks can live on another thread than the sockets.
 */
export interface Health {
  /** Random per process start; the same as in HELLO and in every report. */
  readonly instance: string;
  cachedStatus(scope: Scope): CachedStatus;
  /**
   * Calls `answer` exactly once: before it returns when what is known is fresh
   * enough, otherwise when the runs are done, at the latest after
   * `query.timeout`. The shared runs go on whoever withdraws.
   */
  ask(query: Query, answer: (answer: Answer) => void): Withdraw;
  /**
   * Calls `changed` whenever the state of what is selected is another one, or the state or reason of one of its
   * checks. Many watchers are notified over several turns of the event loop; a change that is undone before its turn
   * causes no call. However many watch, a check is run by its interval as ever, and at once where its result is too old; one that is run on
   * demand only is run whenever its result has outlived its max age.
   * @param maxSelections limit of different `checks` selections that are watched at once. Default: no limit.
   * @returns undefined where the limit is reached and nobody watches this selection yet.
   */
  watch(selection: Selection, changed: () => void, maxSelections?: number): Subscription | undefined;
}
