import type { Clock, Timer } from '../../common/clock.js';
import { withTimeout } from '../../common/with-timeout.js';
import type { NormalizedResult, ResultNormalizer } from '../result.js';

/** Time limit for one attempt, in milliseconds. */
const LOAD_LIMIT_MS = 30_000;
/**
 * Maximum time to wait until other checks are loaded, in milliseconds. Loading blocks the event loop, which would delay
 * the first run.
 */
const OTHERS_LIMIT_MS = 1000;

/**
 * Loads the dependencies of a check before its first run (`CheckDefinition.load`). A check without dependencies still
 * waits until those of other checks are loaded.
 */
export class Loader {
  private hasLoaded = false;
  /** Whether a call of `load` has not settled, in which case no second call is started. */
  private isPending = false;
  private callback: ((failure?: NormalizedResult) => void) | undefined;
  private timer: Timer;

  constructor(
    private readonly load: (() => unknown) | undefined,
    private readonly clock: Clock,
    private readonly normalizer: ResultNormalizer,
    /** Pending loads of all checks and of the service. */
    private readonly loads: Set<Promise<unknown>> = new Set(),
  ) {}

  /** Whether a run may start without an attempt. */
  get isLoaded(): boolean {
    return this.hasLoaded || (this.load === undefined && this.loads.size === 0);
  }

  /** Whether an attempt is in progress. */
  get isLoading(): boolean {
    return this.callback !== undefined;
  }

  /**
   * Starts an attempt, unless one is in progress. Calls `end` once, with the failure if there is one. Does not call it
   * after `stop`.
   */
  attempt(end: (failure?: NormalizedResult) => void): void {
    if (this.callback) return;
    this.callback = end;
    this.timer = this.clock.after(LOAD_LIMIT_MS, () => this.fail(`not loaded within ${LOAD_LIMIT_MS / 1000} s`));
    // A call that exceeds the time limit continues, and the next attempt waits for that call.
    if (!this.isPending) void this.call();
  }

  stop(): void {
    this.clock.clear(this.timer);
    this.callback = undefined;
  }

  private async call(): Promise<void> {
    this.isPending = true;
    try {
      await addLoad(this.loads, (async () => this.load?.())());
      await withTimeout(this.clock, OTHERS_LIMIT_MS, Promise.allSettled(this.loads));
      this.hasLoaded = true;
      this.end();
    } catch (error) {
      this.fail(new Error('loading the check failed', { cause: error }));
    } finally {
      this.isPending = false;
    }
  }

  private fail(why: unknown): void {
    this.end(this.normalizer.failed('internal', why));
  }

  private end(failure?: NormalizedResult): void {
    const { callback } = this;
    this.stop();
    callback?.(failure);
  }
}

/** Adds a load until it settles. The returned promise settles like the load. */
export function addLoad(loads: Set<Promise<unknown>>, load: Promise<unknown>): Promise<unknown> {
  loads.add(load);
  return load.finally(() => loads.delete(load));
}
