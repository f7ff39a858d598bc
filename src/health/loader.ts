import type { Clock, Timer } from '../clock.js';
import type { Finding, Findings } from './result.js';

/** Time limit of one attempt, in milliseconds: far beyond what a cold disk needs. */
const LOAD_LIMIT_MS = 30_000;

/** Loads, before the first run, what the runs of a check need (`CheckDefinition.load`). */
export class Loader {
  isLoaded: boolean;
  /** A call of `load` has not settled; there is never a second one beside it. */
  private isPending = false;
  private waiting: ((failure?: Finding) => void) | undefined;
  private timer: Timer;

  constructor(
    private readonly load: (() => unknown) | undefined,
    private readonly clock: Clock,
    private readonly findings: Findings,
  ) {
    this.isLoaded = load === undefined;
  }

  /** An attempt is going on. */
  get isLoading(): boolean {
    return this.waiting !== undefined;
  }

  /** Makes an attempt, unless one is going on. `end` is called once, with the failure if there is one; never after `stop`. */
  attempt(end: (failure?: Finding) => void): void {
    if (this.waiting) return;
    this.waiting = end;
    this.timer = this.clock.after(LOAD_LIMIT_MS, () => this.fail(`not loaded within ${LOAD_LIMIT_MS / 1000} s`));
    // After the limit the call goes on, and the next attempt waits for the same one.
    if (!this.isPending) void this.call();
  }

  stop(): void {
    this.clock.clear(this.timer);
    this.waiting = undefined;
  }

  private async call(): Promise<void> {
    this.isPending = true;
    try {
      await this.load?.();
      this.isLoaded = true;
      this.end();
    } catch (error) {
      this.fail(new Error('what the check needs could not be loaded', { cause: error }));
    } finally {
      this.isPending = false;
    }
  }

  private fail(why: unknown): void {
    this.end(this.findings.failed('internal', why));
  }

  private end(failure?: Finding): void {
    const { waiting } = this;
    this.stop();
    waiting?.(failure);
  }
}
