import type { Query } from '../health.js';
import type { Monitor } from '../runs/monitor.js';
import type { FindChecks, Group } from './group.js';

/** Limit of cached selections that nobody watches. */
const MAX_SELECTIONS = 64;

/**
 * Views of checks that callers picked by name, one for all spellings of the
 * same set. The names are a closed set but their combinations are not, so only
 * the latest are recent, and those that are watched.
 */
export class Selections {
  private readonly recent = new Map<string, Group>();
  private readonly watched = new Map<string, Group>();
  /** What did not exist when it was first watched. */
  private readonly missing = new Map<string, Group>();

  constructor(
    private readonly monitors: ReadonlyMap<string, Monitor>,
    private readonly create: (find: FindChecks, key: string) => Group,
  ) {}

  /** Undefined where a name does not exist. */
  find(names: readonly string[]): Group | undefined {
    if (!names.every((name) => this.monitors.has(name))) return undefined;
    const key = keyOf(names);
    const watched = this.watched.get(key);
    if (watched) return watched;
    const selected = this.recent.get(key) ?? this.create(() => this.pick(names), key);
    // The one that was asked for last is the last to go.
    this.recent.delete(key);
    this.recent.set(key, selected);
    const [oldest] = this.recent.keys();
    if (this.recent.size > MAX_SELECTIONS) this.recent.delete(oldest as string);
    return selected;
  }

  /**
   * For whoever watches what does not exist, which a reload may add: `find` looks for that. Undefined where `most` of
   * these are watched.
   */
  createMissing({ checks, group }: Pick<Query, 'checks' | 'group'>, find: FindChecks, max: number): Group | undefined {
    // No name has a space in it: such a key is none of what exists.
    const key = checks ? ` ${keyOf(checks)}` : `  ${group}`;
    const selected = this.missing.get(key);
    if (selected || this.missing.size >= max) return selected;
    return this.create(checks ? () => this.pick(checks) : find, key);
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

  /** Keeps the selected until `cancelWatches`. */
  watch(key: string, selected: Group): void {
    this.recent.delete(key);
    this.mapOf(key).set(key, selected);
  }

  cancelWatches(key: string): void {
    this.mapOf(key).delete(key);
  }

  private mapOf(key: string): Map<string, Group> {
    return key.startsWith(' ') ? this.missing : this.watched;
  }
}

/** The same for all spellings of a set, in whichever order a reload puts its checks. */
function keyOf(names: readonly string[]): string {
  return [...new Set(names)].sort().join('\n');
}
