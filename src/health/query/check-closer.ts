import type { Clock } from '../../common/clock.js';
import { withTimeout } from '../../common/with-timeout.js';
import type { DefinedCheck } from '../defined-check.js';

/** How long to wait for runs to settle and for checks to release their resources, in milliseconds. */
const CLOSE_LIMIT_MS = 1000;

/** Closes checks. A definition that several names use is closed once. */
export class CheckCloser {
  /** Checks removed by a reload that have not released their resources yet. */
  private readonly retiring = new Set<Promise<unknown>>();
  /** Definitions that are closed and that no reload has added again. */
  private readonly closed = new WeakSet<DefinedCheck['source']>();

  constructor(
    private readonly clock: Clock,
    /** Whether a check in the registry has the same definition. */
    private readonly isInUse: (check: DefinedCheck) => boolean,
  ) {}

  /** Must be called for each check that a reload adds, because its definition may have been closed before. */
  reopen(check: DefinedCheck): void {
    this.closed.delete(check.source);
  }

  /**
   * Closes a removed check when its run has settled, but no later than after one second. Does nothing if another name
   * uses the same definition.
   */
  retire(check: DefinedCheck, settled: Promise<unknown>): void {
    const retired = withTimeout(this.clock, CLOSE_LIMIT_MS, settled).then(() =>
      this.isInUse(check) ? undefined : this.close(check),
    );
    const retiring = retired.catch(() => {}).finally(() => this.retiring.delete(retiring));
    this.retiring.add(retiring);
  }

  /**
   * Closes `checks` without waiting for their runs. Resolves when all have settled, but no later than after one second.
   */
  async stop(checks: readonly (readonly [check: DefinedCheck, settled: Promise<unknown>])[]): Promise<void> {
    const stops = checks.map(([check, settled]) => Promise.allSettled([settled, this.close(check)]));
    await withTimeout(this.clock, CLOSE_LIMIT_MS, Promise.all([...stops, ...this.retiring]));
  }

  private async close(check: DefinedCheck): Promise<void> {
    if (this.closed.has(check.source)) return;
    this.closed.add(check.source);
    await check.close?.();
  }
}
