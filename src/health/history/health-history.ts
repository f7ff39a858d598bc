import type { Clock } from '../../common/clock.js';
import type { Member } from '../member.js';
import type { Registry } from '../query/registry.js';
import type { State } from '../state.js';
import { checkKey, groupKey, HistoryRecorder, type Series } from './recorder.js';

/** Read-only view of a history, for pages. */
export type HistoryView = Pick<HealthHistory, 'minute' | 'checks' | 'groups' | 'check' | 'group'>;

/**
 * A record of the last 24 hours of each check and group, by minute. There is no data for minutes before the first
 * result, for minutes in which the process did not run, and for the time after the last result of a check has expired
 * because no client requested a newer one.
 */
export class HealthHistory {
  /** @internal */
  readonly recorder: HistoryRecorder;

  /** @internal */
  constructor(
    private readonly health: Registry,
    clock: Clock,
  ) {
    this.recorder = new HistoryRecorder({ clock });
    health.onRun(({ name, failed, duration }) => this.recorder.addRun(checkKey(name), failed, duration));
    health.onUpdate((member) => (member ? this.update(member) : this.updateAll()));
  }

  /** Wall-clock time at which the current minute (the last slot) began, in milliseconds since 1970. */
  get minute(): number {
    return this.recorder.minute;
  }

  /** Names of all checks, in configuration order. */
  get checks(): readonly string[] {
    return this.health.checks.map(({ name }) => name);
  }

  /** Names of all groups. */
  get groups(): readonly string[] {
    return this.health.groups();
  }

  /** The series of a check; undefined if the check does not exist or has no result yet. */
  check(name: string): Series | undefined {
    return this.recorder.series(checkKey(name));
  }

  /** The series of a group; undefined if the group does not exist or has no state yet. */
  group(name: string): Series | undefined {
    return this.recorder.series(groupKey(name));
  }

  /**
   * @internal Records that between these wall-clock times, in milliseconds since 1970, readiness and all groups except
   * the startup scope reported fail without a transition.
   */
  readinessFailed(from: number, to: number): void {
    for (const group of this.groups) if (group !== 'startup') this.recorder.correct(groupKey(group), from, to, 'fail');
  }

  /** @internal Stops recording. */
  close(): void {
    this.recorder.close();
  }

  private update(member: Pick<Member, 'name' | 'state' | 'reason' | 'groups'>): void {
    this.updateCheck(member);
    for (const group of member.groups) this.updateGroup(group);
    this.updateGroup('all');
  }

  private updateAll(): void {
    const { recorder, health } = this;
    const { checks } = health;
    const groups = health.groups();
    const keys = new Set([...checks.map(({ name }) => checkKey(name)), ...groups.map(groupKey)]);
    for (const key of recorder.keys) if (!keys.has(key)) recorder.remove(key);
    for (const check of checks) this.updateCheck(check);
    for (const group of groups) this.updateGroup(group);
  }

  private updateCheck({ name, state, reason }: Pick<Member, 'name' | 'state' | 'reason'>): void {
    this.recorder.setState(checkKey(name), reason === 'never-ran' ? undefined : state);
  }

  private updateGroup(name: string): void {
    this.recorder.setState(groupKey(name), this.knownState(name));
  }

  /**
   * Returns undefined if the group is unknown only because checks have no result, or none that is recent enough to
   * count.
   */
  private knownState(group: string): State | undefined {
    const state = this.health.stateOf(group);
    if (state !== 'unknown') return state;
    const known = this.health.known(group).failing();
    return known.some(({ adds, reason }) => adds === 'unknown' && reason !== 'never-ran') ? state : undefined;
  }
}
