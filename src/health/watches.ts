import { isolate } from './isolate.js';
import type { View } from './view.js';

interface Watchers {
  /** What was told last. */
  seen: string;
  readonly listeners: Set<() => void>;
}

/** Who wants to hear of each change of a view: of its state, or of the state or reason of one of its checks. */
export class Watches {
  private readonly views = new Map<View, Watchers>();

  /** Returns what takes it back. */
  add(view: View, changed: () => void): () => void {
    const watchers = this.views.get(view) ?? { seen: outlook(view), listeners: new Set() };
    this.views.set(view, watchers);
    // An own function, so that one that listens twice is told twice.
    const listener = () => changed();
    watchers.listeners.add(listener);
    return () => {
      watchers.listeners.delete(listener);
      if (watchers.listeners.size === 0) this.views.delete(view);
    };
  }

  /** Something may be other than before. */
  look(): void {
    for (const [view, watchers] of this.views) {
      const now = outlook(view);
      if (now === watchers.seen) continue;
      watchers.seen = now;
      for (const listener of [...watchers.listeners]) isolate(listener);
    }
  }
}

function outlook(view: View): string {
  return [view.current().state, ...view.checks.map(({ state, reason }) => `${state} ${reason ?? ''}`)].join('\n');
}
