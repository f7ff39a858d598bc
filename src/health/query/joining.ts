import type { CheckState, State } from '../state.js';

interface Grouped {
  readonly groups: readonly string[];
}

/**
 * Checks that a reload has added and that have no result yet. Until then, they count only in groups that were created
 * together with them or later. The states of older groups neither become unknown nor improve.
 */
export class JoiningChecks<C extends Grouped> {
  /** For each check, the groups in which it already counts. */
  private readonly counted = new Map<C, ReadonlySet<string>>();
  /** States of the groups before the reload, as long as they are held. */
  private readonly heldStates = new Map<string, CheckState>();

  /** Called at a reload, with the states of the groups before it. */
  hold(states: Iterable<readonly [group: string, state: State]>): void {
    for (const [group, state] of states) this.heldStates.set(group, state as CheckState);
  }

  /** Called at a reload, with the added checks and the groups that it creates. */
  add(added: readonly C[], newGroups: Iterable<string>): void {
    for (const check of [...this.counted.keys(), ...added]) {
      this.counted.set(check, new Set([...(this.counted.get(check) ?? []), ...newGroups]));
    }
  }

  /** Called when the check has its first result or is removed. Returns whether it was joining. */
  delete(check: C): boolean {
    return this.counted.delete(check);
  }

  /** Stops holding the states of groups in which all checks count. */
  release(): void {
    for (const group of this.heldStates.keys()) {
      const isComplete = [...this.counted].every(([check, groups]) => groups.has(group) || !isInGroup(check, group));
      if (isComplete) this.heldStates.delete(group);
    }
  }

  /** Whether the check is in the group and counts there. */
  counts(check: C, group: string): boolean {
    return isInGroup(check, group) && (this.counted.get(check)?.has(group) ?? true);
  }

  /** The best state that the group may have. */
  heldState(group: string): CheckState {
    return this.heldStates.get(group) ?? 'pass';
  }
}

function isInGroup({ groups }: Grouped, group: string): boolean {
  return group === 'all' || groups.includes(group);
}
