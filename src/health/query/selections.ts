import type { Query } from '../health.js';
import type { Monitor } from '../runs/monitor.js';
import type { FindChecks, View } from './group.js';

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
  /** What did not exist when it was first watched. */
  private readonly missed = new Map<string, View>();

  constructor(
    private readonly monitors: ReadonlyMap<string, Monitor>,
    private readonly create: (find: FindChecks, key: string) => View,
  ) {}

  /** Undefined where a name does not exist. */
  find(names: readonly string[]): View | undefined {
    if (!names.every((name) => this.monitors.has(name))) return undefined;
    const key = keyOf(names);
    const watched = this.watched.get(key);
    if (watched) return watched;
    const view = this.kept.get(key) ?? this.viewOf(names, key);
    // The one that was asked for last is the last to go.
    this.kept.delete(key);
    this.kept.set(key, view);
    const [oldest] = this.kept.keys();
    if (this.kept.size > MAX_SELECTIONS) this.kept.delete(oldest as string);
    return view;
  }

  /**
   * For whoever watches what does not exist, which a reload may add: `find` looks for that. Undefined where `most` of
   * these are watched.
   */
  missing({ checks, group }: Pick<Query, 'checks' | 'group'>, find: FindChecks, most: number): View | undefined {
    // No name has a space in it: such a key is none of what exists.
    const key = checks ? ` ${keyOf(checks)}` : `  ${group}`;
    const view = this.missed.get(key);
    if (view || this.missed.size >= most) return view;
    return this.create(checks ? () => this.pick(checks) : find, key);
  }

  private viewOf(names: readonly string[], key: string): View {
    return this.create(() => this.pick(names), key);
  }

  private pick(names: readonly string[]): Monitor[] | undefined {
    const wanted = new Set(names);
    for (const name of wanted) if (!this.monitors.has(name)) return undefined;
    return [...this.monitors.values()].filter(({ name }) => wanted.has(name));
  }

  get watchedCount(): number {
    return this.watched.size;
  }

  isWatched(key: string): boolean {
    return this.mapOf(key).has(key);
  }

  /** Keeps the view until `cancelWatches`. */
  watch(key: string, view: View): void {
    this.kept.delete(key);
    this.mapOf(key).set(key, view);
  }

  cancelWatches(key: string): void {
    this.mapOf(key).delete(key);
  }

  private mapOf(key: string): Map<string, View> {
    return key.startsWith(' ') ? this.missed : this.watched;
  }
}

/** The same for all spellings of a set, in whichever order a reload puts its checks. */
function keyOf(names: readonly string[]): string {
  return [...new Set(names)].sort().join('\n');
}
