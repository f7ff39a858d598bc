import type { Reason } from './reason.js';
import type { CheckState, NonPassState } from './state.js';

/** How a check is scheduled and judged. Times in milliseconds. Health semantics: docs of each default. */
export interface CheckSettings {
  /** A run that takes longer is ended and fails with `timeout`; one that has to connect first has as long for that. Default 800. */
  timeout?: number;
  /** The oldest result that is given to a caller who names no age. Default 1000, or interval + timeout where an interval is given. */
  maxAge?: number;
  /** How often the check runs when nobody asks; 0 = only on demand. Default 5000. */
  interval?: number;
  /** The least time between the starts of two runs, whatever starts them. Default 100. */
  minInterval?: number;
  /** Consecutive good results before a bad check counts as good. Default 1. */
  rise?: number;
  /** Consecutive bad results before a good check counts as bad. Default 1. */
  fall?: number;
  /** false turns this check's fail and unknown into warn for the aggregate. Default true. */
  critical?: boolean;
  /** The groups that count it. Default `['readiness']`. Every check is in `all`. */
  groups?: readonly string[];
}

/** What one run found out. */
export interface CheckResult {
  /** `unknown` is for a check that ran and could not find out. */
  status: CheckState;
  /** Why it is not pass; from the closed list. Default `custom` when not pass. */
  reason?: Reason;
  /** One sentence for people. It is redacted and cut before anyone sees it. */
  output?: string;
  observedValue?: unknown;
  observedUnit?: string;
  /**
   * The leaves of what is not well behind this check, where the dependency told them: another responder,
   * whose `instance` the check has appended to the `via` of each. Those that came through this very process
   * are dropped; when none is left the reason becomes `loop` and the result counts for nothing, else for no more
   * than the worst that is left.
   */
  causes?: readonly Cause[];
}

/** A leaf of what is not well, at whatever responder it was seen (SPEC "Chains and circles"). */
export interface Cause {
  instance: string;
  /** What the service of that instance is called, where it has a name. */
  service?: string;
  /** The instances that it came through, nearest to the leaf first. */
  via: readonly string[];
  check?: string;
  /** What it makes of the responder that tells it, where that told. */
  state?: NonPassState;
  reason?: string;
  output?: string;
}

/** A dependency check: how to run it, and how it wants to be scheduled. */
export interface CheckDefinition extends CheckSettings {
  /** The kind in the catalogue, or `function`. */
  kind: string;
  /** `datastore`, `component`, `system` as in application/health+json. */
  componentType?: string;
  /**
   * Finds out once. `signal` fires when the run has used up its timeout: a run
   * must then let go of what it holds and settle. `deadline` is the same moment
   * on the monotonic clock. A rejection counts as fail (`reasonOf`). `hops` is how many responders the question
   * came through that started this run, 0 in the background (SPEC "Chains and circles").
   *
   * A run that had to open the connection which the check keeps between runs calls `connected` when it can be used:
   * the timeout then starts again, once per run, and the new deadline is returned.
   */
  run(signal: AbortSignal, deadline: number, hops?: number, connected?: () => number): Promise<CheckResult>;
  /**
   * Loads what the runs need, such as a driver. Called before the first run, whose time starts when it has resolved; until
   * then the check is `unknown`. After a rejection, or 30 s, the check fails with `internal`, and the next run tries again.
   */
  load?(): unknown;
  /** Lets go of everything that is kept between runs. Called once, when the service stops. */
  close?(): void | Promise<void>;
  /** Strings that must never be seen: passwords, tokens. */
  secrets?: readonly string[];
  /**
   * Equal for two definitions of one kind that do the same: a reload then keeps the running one, and applies the
   * settings of the new one to it. Default: none, so that only the same object is the same check.
   */
  identity?: string;
}

/**
 * A check of anyone's own. It passes when it returns nothing, true or a result
 * that says pass; it fails when it returns false or throws.
 */
export type CheckFunction = (signal: AbortSignal) => unknown;
