import type { Query } from '../health.js';
import type { Member } from '../member.js';
import type { Ceiling, FindChecks, Group } from './group.js';

/** Maximum number of cached selections without subscribers. */
const MAX_SELECTIONS = 64;

/**
 * Groups of checks selected by name. The same names in any order share one group. The number of names is limited, but
 * the number of their combinations is not, so only the most recent groups and those with subscribers are kept.
 */
export class Selections {
  private readonly recent = new Map<string, Group>();
  private readonly watched = new Map<string, Group>();
  /** Groups with subscribers that did not exist when the first subscriber was added. */
  private readonly missing = new Map<string, Group>();

  constructor(
    private readonly members: ReadonlyMap<string, Member>,
    private readonly create: (find: FindChecks, key: string, ceiling?: Ceiling) => Group,
  ) {}

  /** Returns the group of these checks; undefined if one of the checks does not exist. */
  find(names: readonly string[]): Group | undefined {
    if (!names.every((name) => this.members.has(name))) return undefined;
    const key = keyOf(names);
    const watched = this.watched.get(key);
    if (watched) return watched;
    const selected = this.recent.get(key) ?? this.create(() => this.pick(names), key);
    // Moves the group to the end, because the least recently used one is dropped first.
    this.recent.delete(key);
    this.recent.set(key, selected);
    const [oldest] = this.recent.keys();
    if (this.recent.size > MAX_SELECTIONS) this.recent.delete(oldest as string);
    return selected;
  }

  /**
   * Returns a group for a subscription to checks or a group that do not exist yet but that a reload may add. `find`
   * looks up the group, whose best state is `ceiling`. Returns undefined if `max` groups have subscribers.
   */
  createMissing(
    { checks, group }: Pick<Query, 'checks' | 'group'>,
    find: FindChecks,
    ceiling: Ceiling,
    max: number,
  ): Group | undefined {
    // Names contain no spaces, so this key differs from the keys of all existing selections.
    const key = checks ? ` ${keyOf(checks)}` : `  ${group}`;
    const selected = this.missing.get(key);
    if (selected || this.missing.size >= max) return selected;
    return checks ? this.create(() => this.pick(checks), key) : this.create(find, key, ceiling);
  }

  private pick(names: readonly string[]): Member[] | undefined {
    const wanted = new Set(names);
    for (const name of wanted) if (!this.members.has(name)) return undefined;
    return [...this.members.values()].filter(({ name }) => wanted.has(name));
  }

  get watchedCount(): number {
    return this.watched.size;
  }

  isWatched(key: string): boolean {
    return this.mapOf(key).has(key);
  }

  /** Keeps the group until `cancelWatches` is called. */
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

/** Key that is equal for the same names in any order. */
function keyOf(names: readonly string[]): string {
  return [...new Set(names)].sort().join('\n');
}
