import type { Monitor } from './monitor.js';
import type { View } from './view.js';

/** Limit of cached selections that nobody watches. */
const MAX_SELECTIONS = 64;

/**
 * Views of checks that callers picked by name, one for all spellings of the
 * same set. The names are a closed set but their combinations are not, so only
 * the latest are kept, and those that are watched.
 */
export class Selections {
  private readonly kept = new Map<string, View>();
  private readonly watched = new Map<string, View>();

  constructor(
    private readonly monitors: ReadonlyMap<string, Monitor>,
    private readonly create: (checks: readonly Monitor[], key: string) => View,
  ) {}

  /** Undefined where a name does not exist. */
  find(names: readonly string[]): View | undefined {
    const wanted = new Set(names);
    for (const name of wanted) if (!this.monitors.has(name)) return undefined;
    const checks = [...this.monitors.values()].filter(({ name }) => wanted.has(name));
    const key = checks.map(({ name }) => name).join('\n');
    const watched = this.watched.get(key);
    if (watched) return watched;
    const view = this.kept.get(key) ?? this.create(checks, key);
    // The one that was asked for last is the last to go.
    this.kept.delete(key);
    this.kept.set(key, view);
    const [oldest] = this.kept.keys();
    if (this.kept.size > MAX_SELECTIONS) this.kept.delete(oldest as string);
    return view;
  }

  get watchedCount(): number {
    return this.watched.size;
  }

  isWatched(key: string): boolean {
    return this.watched.has(key);
  }

  /** Keeps the view until `unwatch`. */
  watch(key: string, view: View): void {
    this.kept.delete(key);
    this.watched.set(key, view);
  }

  unwatch(key: string): void {
    this.watched.delete(key);
  }
}
