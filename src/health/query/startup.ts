import { type Counted, effectiveState } from '../state.js';

/**
 * Whether this service has started. It passes for good once each check of the
 * group `startup` has passed or warned once; without that group, once each
 * critical check has a first result, whatever it is: a shared database that is
 * down must not restart a whole fleet for ever. Whoever asks decides for how long
 * it is `starting` meanwhile.
 */
export class Startup<C extends Counted & { readonly groups: readonly string[] }> {
  /** The checks that it waits for. */
  readonly checks: readonly C[];
  private readonly missing: Set<C>;
  private readonly grouped: boolean;

  /** @param before what was waited for until a reload: what has passed stays so. */
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

  /** `check` has a result. */
  onResult(check: C): void {
    const added = effectiveState(check);
    if (!this.grouped || added === undefined || added === 'pass' || added === 'warn') this.missing.delete(check);
  }
}
