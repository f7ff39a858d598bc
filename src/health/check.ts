import type { Fate, PeerTally } from './fate.js';
import type { Reason } from './reason.js';
import type { CheckState, NonPassState } from './state.js';

/** When a check runs, and how its results count. All times are in milliseconds. */
export interface CheckSettings {
  /**
   * Timeout of a run in milliseconds. A run that exceeds it fails with the reason `timeout`. If a run must connect
   * first, the timeout applies separately to the connection and to the query.
   * @default 800
   */
  timeout?: number;
  /**
   * Maximum age of a result for requests that do not set one, in milliseconds.
   * @default interval + timeout if `interval` is set, otherwise 1000
   */
  maxAge?: number;
  /**
   * Interval between background runs, in milliseconds; 0 = run only on demand.
   * @default 5000
   */
  interval?: number;
  /**
   * Minimum time between the starts of two runs, in milliseconds.
   * @default 100
   */
  minInterval?: number;
  /**
   * Consecutive good results after which a bad check counts as good.
   * @default 1
   */
  rise?: number;
  /**
   * Consecutive bad results after which a good check counts as bad.
   * @default 1
   */
  fall?: number;
  /**
   * If false, the check only degrades the overall status to warn when it is fail or unknown.
   * @default true
   */
  critical?: boolean;
  /**
   * Effect of a failure that at least two thirds of the answering peers (`peers.from`) also report, if at least two
   * answer: `fail` = counts like any other failure, `warn` = only degrades the overall status to warn. `warn` requires an
   * interval and a critical check.
   * @default 'fail'
   */
  onShared?: 'fail' | 'warn';
  /**
   * Groups that include the check. Every check is also in `all`.
   * @default ['readiness']
   */
  groups?: readonly string[];
}

/** Result of a check run. */
export interface CheckResult {
  /** `unknown`: the check ran, but could not determine the state. */
  status: CheckState;
  /**
   * Reason for a status other than pass, one of `reasons`.
   * @default 'custom'
   */
  reason?: Reason;
  /** One sentence for people. Before it is shown, secrets are masked and long texts are truncated. */
  output?: string;
  /**
   * Measured value: a number, boolean or string, or an object with up to 16 of them by name. Other values are converted to
   * strings; null values in an object are omitted.
   */
  observedValue?: unknown;
  /** Unit of the measured value. For an object, one unit for all values or one per name. */
  observedUnit?: string | Readonly<Record<string, string>>;
  /**
   * Root causes reported by the dependency, if it is another responder. The check must append the `instance` of that
   * responder to the `via` of each cause. Causes that passed through this process are dropped. If none remain, the reason
   * becomes `loop`, and the result does not count. Otherwise, the status is no worse than the worst remaining cause.
   */
  causes?: readonly Cause[];
}

/** A root cause: a check that does not pass, at this or another responder (SPEC "Chains and cycles"). */
export interface Cause {
  instance: string;
  /** Name of the service, if known. */
  service?: string;
  /** Instances that passed the cause on, starting with the one nearest to it. */
  via: readonly string[];
  check?: string;
  /** What `check` contacts or measures, without credentials. */
  target?: string;
  /** Effect of the cause on the state of the reporting responder, if known. */
  state?: NonPassState;
  reason?: string;
  /** Whether other instances of the reporting service have the same failure, if they were queried. */
  fate?: Fate;
  /** Answers of these instances. */
  peers?: PeerTally;
  output?: string;
}

/** Definition of a check: how it runs, and its settings. */
export interface CheckDefinition extends CheckSettings {
  /** Kind of check, such as `mysql` or `function`. */
  kind: string;
  /** @internal Whether runs of this check never block the event loop, so that only other code can delay their results. Default false. */
  nonBlocking?: boolean;
  /** Component type, as in application/health+json: `datastore`, `component` or `system`. */
  componentType?: string;
  /**
   * What the check contacts or measures, such as `redis://127.0.0.1:6379`. Shown in reports, with credentials and `secrets`
   * masked. Failures with the same server and reason are shown as one.
   */
  target?: string | undefined;
  /**
   * Runs the check once. If the promise rejects, the check fails, with a reason that is derived from the error.
   *
   * @param signal aborts at the timeout. The run must then release its resources and settle.
   * @param deadline monotonic time of the timeout, in milliseconds.
   * @param hops number of responders that the request for this run has passed through; 0 for a background run (SPEC
   *   "Chains and cycles").
   * @param connected function to call when a connection that the check keeps between runs is established. It restarts the
   *   timeout, once per run, and returns the new deadline.
   */
  run(signal: AbortSignal, deadline: number, hops?: number, connected?: () => number): Promise<CheckResult>;
  /**
   * Loads dependencies, such as a driver, before the first run. Until then, the check is `unknown`. If `load` rejects or takes
   * longer than 30 s, the check fails with the reason `internal`, and the next run tries again.
   */
  load?(): unknown;
  /** Releases all resources that are kept between runs. Called once, when the service stops or a reload removes the check. */
  close?(): void | Promise<void>;
  /** Strings to mask in all outputs, such as passwords and tokens. */
  secrets?: readonly string[];
  /**
   * Identifies definitions of one kind that behave the same: on a reload, a check with an equal identity keeps running
   * and gets the new settings. Without an identity, a definition is the same check only if it is the same object.
   */
  identity?: string;
}

/**
 * A custom check. It passes if it returns nothing, true or a result with status pass, and fails if it returns false or
 * throws.
 */
export type CheckFunction = (signal: AbortSignal) => CheckOutcome | Promise<CheckOutcome>;

export type CheckOutcome = void | boolean | CheckResult;
