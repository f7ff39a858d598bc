import type { Clock, Timer } from '../../common/clock.js';
import { type Counted, effectiveState, isHealthy } from '../state.js';

/**
 * Whether the service has started. If the `startup` group contains checks, the service has started once each of them
 * has passed or warned. Otherwise, it has started once each critical check has a first result of any kind, so that an
 * outage of a shared database does not restart all instances forever. The result never reverts. The caller decides how
 * long to report `starting`.
 */
export class Startup<C extends Counted & { readonly groups: readonly string[] }> {
  /** The checks for which startup waits. */
  readonly checks: readonly C[];
  private readonly missing: Set<C>;
  private readonly grouped: boolean;

  /** @param before state before a reload. A completed startup stays completed. */
  constructor(checks: readonly C[], before?: Startup<C>) {
    const group = checks.filter((check) => check.groups.includes('startup'));
    this.grouped = group.length > 0;
    this.checks = this.grouped ? group : checks.filter((check) => check.critical);
    const isMissing = (check: C) =>
      before?.grouped !== this.grouped || !before.checks.includes(check) || before.missing.has(check);
    this.missing = new Set(before?.passed ? [] : this.checks.filter(isMissing));
  }

  get passed(): boolean {
    return this.missing.size === 0;
  }

  /** Must be called when `check` has a result. */
  onResult(check: C): void {
    const added = effectiveState(check);
    if (!this.grouped || added === undefined || isHealthy(added)) this.missing.delete(check);
  }
}

/**
 * Limits how long startup reports `starting` while it has not passed. The time begins at `start`. A reload may change
 * its length.
 */
export class StartupGrace {
  /** Whether startup reports the state of its checks. */
  isOver = false;
  private startedAt: number | undefined;
  private timer: Timer;

  /**
   * @param length in milliseconds. Default: no limit.
   * @param onEnd called when the time has elapsed.
   */
  constructor(
    private readonly clock: Clock,
    private readonly onEnd: () => void,
    private length = Number.POSITIVE_INFINITY,
  ) {}

  start(): void {
    this.startedAt = this.clock.now();
    this.reload(this.length);
    if (this.isOver) this.onEnd();
  }

  reload(length = Number.POSITIVE_INFINITY): void {
    this.length = length;
    this.stop();
    if (this.startedAt === undefined) return;
    const left = this.startedAt + length - this.clock.now();
    this.isOver = left <= 0;
    if (this.isOver || left === Number.POSITIVE_INFINITY) return;
    this.timer = this.clock.after(left, () => {
      this.isOver = true;
      this.onEnd();
    });
  }

  stop(): void {
    this.clock.clear(this.timer);
  }
}
