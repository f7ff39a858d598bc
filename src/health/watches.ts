import { isolate } from './isolate.js';
import type { Monitor } from './monitor.js';
import type { View } from './view.js';

interface Watchers {
  /** What was told last. */
  seen: string;
  /** Those that know that they are watched. */
  checks: readonly Monitor[];
  readonly listeners: Set<() => void>;
}

/**
 * Who wants to hear of each change of a view: of its state, or of the state or
 * reason of one of its checks. Those go on being run meanwhile; what that costs
 * does not depend on how many watch.
 */
export class Watches {
  private readonly views = new Map<View, Watchers>();

  /** Returns what takes it back. */
  add(view: View, changed: () => void): () => void {
    const watchers = this.views.get(view) ?? this.begin(view);
    // An own function, so that one that listens twice is told twice.
    const listener = () => changed();
    watchers.listeners.add(listener);
    return () => {
      if (!watchers.listeners.delete(listener) || watchers.listeners.size > 0) return;
      this.views.delete(view);
      for (const check of watchers.checks) check.unwatch();
    };
  }

  private begin(view: View): Watchers {
    const { checks } = view;
    const watchers = { seen: outlook(view), checks, listeners: new Set<() => void>() };
    this.views.set(view, watchers);
    for (const check of checks) check.watch();
    return watchers;
  }

  /** Other checks are selected than before. `look` tells who watches. */
  select(): void {
    for (const [view, watchers] of this.views) {
      const before = watchers.checks;
      watchers.checks = view.checks;
      for (const check of watchers.checks) if (!before.includes(check)) check.watch();
      for (const check of before) if (!watchers.checks.includes(check)) check.unwatch();
    }
  }

  /** Something may be other than before: `check`, or anything. */
  look(check?: Monitor): void {
    for (const [view, watchers] of this.views) {
      if (check && !view.checks.includes(check)) continue;
      const now = outlook(view);
      if (now === watchers.seen) continue;
      watchers.seen = now;
      for (const listener of [...watchers.listeners]) isolate(listener);
    }
  }
}

/** Of what passes nothing, so that a reload that adds or removes it changes nothing for who watches. */
function outlook(view: View): string {
  const notPassing = view.checks.filter(({ state }) => state !== 'pass');
  return [
    view.current().state,
    ...notPassing.map(({ name, state, reason }) => `${name} ${state} ${reason ?? ''}`),
  ].join('\n');
}
