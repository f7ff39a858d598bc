import type { Reason } from './reason.js';
import type { CheckState, NonPassState } from './state.js';
import type { Fate, PeerTally } from './verdict.js';

/** When a check runs and how its results count. All times in milliseconds. */
export interface CheckSettings {
  /**
   * Timeout of a run in milliseconds. A run that exceeds it fails with reason `timeout`. A run that first has to
   * connect gets this time twice: once to connect, once for the query.
   * @default 800
   */
  timeout?: number;
  /**
   * Maximum age, in milliseconds, of a result given to a request that sets none.
   * @default interval + timeout if `interval` is set, else 1000
   */
  maxAge?: number;
  /**
   * Interval of background runs in milliseconds; 0 = only on demand.
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
   * If false, fail and unknown of this check only degrade the overall status to warn.
   * @default true
   */
  critical?: boolean;
  /**
   * Effect of a failure that at least two thirds of the peers share (`peers.from` of the service): `fail` = as of every
   * other failure, `warn` = it only degrades the overall status to warn. `warn` requires an interval and a critical check.
   * @default 'fail'
   */
  onShared?: 'fail' | 'warn';
  /**
   * Groups in which the check counts. Every check is also in `all`.
   * @default ['readiness']
   */
  groups?: readonly string[];
}

/** Result of one run. */
export interface CheckResult {
  /** `unknown`: the check ran, but could not determine the state. */
  status: CheckState;
  /**
   * Reason for a status other than pass; one of `reasons`.
   * @default 'custom'
   */
  reason?: Reason;
  /** One sentence for people. Secrets are masked and long texts truncated before it is shown. */
  output?: string;
  /**
   * What was measured: a number, boolean or text, or an object of at most 16 of them by name. Other values become text;
   * null in an object is left out.
   */
  observedValue?: unknown;
  /** Its unit; for an object also one unit for each name. */
  observedUnit?: string | Readonly<Record<string, string>>;
  /**
   * Root causes reported by the dependency, if it is another responder. The check has appended the `instance` of that
   * responder to the `via` of each. Causes that came through this process are dropped: if none is left, the reason
   * becomes `loop` and the result does not count; otherwise the status is no worse than the worst cause left.
   */
  causes?: readonly Cause[];
}

/** A root cause: a check that is not pass, at this or another responder (SPEC "Chains and cycles"). */
export interface Cause {
  instance: string;
  /** Name of the service, if known. */
  service?: string;
  /** Instances that passed the cause on, starting with the one nearest to it. */
  via: readonly string[];
  check?: string;
  /** What that check contacts or measures, without credentials. */
  target?: string;
  /** Effect of the cause on the state of the responder that reported it, if known. */
  state?: NonPassState;
  reason?: string;
  /** Whether other instances of the service that reported it have the same failure, if they were asked. */
  fate?: Fate;
  /** Their answers. */
  peers?: PeerTally;
  output?: string;
}

/** A check: how to run it, and its settings. */
export interface CheckDefinition extends CheckSettings {
  /** Kind in the catalog, or `function`. */
  kind: string;
  /** @internal Whether its runs never block the event loop: if a result is late, something else did. Default false. */
  nonBlocking?: boolean;
  /** As in application/health+json: `datastore`, `component` or `system`. */
  componentType?: string;
  /**
   * What the check contacts or measures, such as `redis://127.0.0.1:6379`, for reports. Credentials and `secrets` in it are
   * masked. Failures with the same server and reason are shown as one.
   */
  target?: string | undefined;
  /**
   * Runs the check once. A rejection counts as fail; `reasonOf` derives the reason.
   *
   * @param signal aborts at the timeout; the run must then release its resources and settle.
   * @param deadline time of the timeout on the monotonic clock, in milliseconds.
   * @param hops number of responders through which the request that started this run came; 0 for a background run (SPEC
   *   "Chains and cycles").
   * @param connected to be called when the connection that the check keeps between runs has just been established:
   *   restarts the timeout, once per run, and returns the new deadline.
   */
  run(signal: AbortSignal, deadline: number, hops?: number, connected?: () => number): Promise<CheckResult>;
  /**
   * Loads dependencies of the runs, such as a driver, before the first run; until then the check is `unknown`. If it
   * rejects or takes longer than 30 s, the check fails with `internal`, and the next run tries again.
   */
  load?(): unknown;
  /** Releases everything kept between runs. Called once, when the service stops or a reload removes the check. */
  close?(): void | Promise<void>;
  /** Strings that are masked in every output, such as passwords and tokens. */
  secrets?: readonly string[];
  /**
   * Equal for two definitions of one kind that behave alike: a reload then keeps the running check and applies the new
   * settings to it. Without it, only the same object is the same check.
   */
  identity?: string;
}

/**
 * A check written by the user. Nothing, true or a result with status pass counts as pass; false or an exception as
 * fail.
 */
export type CheckFunction = (signal: AbortSignal) => CheckOutcome | Promise<CheckOutcome>;

export type CheckOutcome = void | boolean | CheckResult;
