import type { Clock } from '../../common/clock.js';
import type {
  Answer,
  CachedStatus,
  Health,
  OwnResult,
  Query,
  Scope,
  Selection,
  Subscription,
  Withdraw,
} from '../health.js';
import type { Member } from '../member.js';
import { type Identity, report } from '../report.js';
import type { CheckState, State } from '../state.js';
import { type Ceiling, type FindChecks, Group, type GroupContext, type Override } from './group.js';
import { ReportCache } from './report-cache.js';
import { ask } from './request.js';
import { Selections } from './selections.js';
import { Subscriptions } from './subscriptions.js';

/** The checks and the lifecycle from which queries are answered. */
export interface QuerySource {
  readonly clock: Clock;
  /** All checks by name, in configuration order. */
  readonly members: ReadonlyMap<string, Member>;
  readonly identity: Identity;
  /** A state of readiness, groups and checks that takes precedence over the state of the checks. */
  readiness(): Override | undefined;
  liveness(): Override;
  /** Like `readiness`, for the startup scope. */
  startup(): Override | undefined;
  /** The checks for which startup waits. */
  startupChecks(): readonly Member[];
  /** The checks that count in a group. */
  membersOf(group: string): readonly Member[];
  /** The best state that the group may have. */
  heldState(group: string): CheckState;
}

/** Answers queries and notifies subscribers, based on the latest results of checks. */
export class Queries implements Health {
  private readonly context: { -readonly [K in keyof GroupContext]: GroupContext[K] };
  private readonly liveness: Group;
  private readonly starting: Group;
  private readonly notFound: Group;
  private readonly readiness: Group;
  /**
   * Groups by name. `startup` is the plain aggregate of the `startup` group, which requests with another scope may
   * name.
   */
  private readonly groupsByName = new Map<string, Group>();
  private readonly selections: Selections;
  private readonly subscriptions = new Subscriptions(
    (group) => this.beginWatching(group),
    (group) => this.endWatching(group),
  );

  /** @param groups names of all groups, including `readiness`, `startup` and `all`. */
  constructor(
    private readonly source: QuerySource,
    groups: Iterable<string>,
  ) {
    const { clock, members } = source;
    this.context = {
      clock,
      revision: 0,
      generation: 0,
      reports: new ReportCache(clock),
      serialise: (group, detail) =>
        Buffer.from(JSON.stringify(report(group, source.identity, { now: clock.now(), wall: clock.wall() }, detail))),
    };
    const readiness = () => source.readiness();
    const create = (find: FindChecks, override: () => Override | undefined, key?: string, ceiling?: Ceiling) =>
      new Group(find, override, this.context, key, ceiling);
    this.liveness = create(
      () => [],
      () => source.liveness(),
    );
    this.notFound = create(() => undefined, readiness);
    this.starting = create(
      () => source.startupChecks(),
      () => source.startup(),
    );
    this.setGroups(groups);
    this.selections = new Selections(members, (find, key, ceiling) => create(find, readiness, key, ceiling));
    this.readiness = this.groupsByName.get('readiness') as Group;
  }

  get instance(): string {
    return this.source.identity.instance;
  }

  // -- for the source --------------------------------------------------------

  /** Names of all groups. */
  get groups(): readonly string[] {
    return [...this.groupsByName.keys()];
  }

  /** The current group with this name. For `startup`, returns the scope. Starts no run. */
  find(group: string): Group | undefined {
    return group === 'startup' ? this.starting : this.groupsByName.get(group);
  }

  /**
   * Like `find`, but returns the plain group for `startup`, and an empty group with the state not-found for an unknown
   * name.
   */
  known(group: string): Answer {
    return (this.groupsByName.get(group) ?? this.notFound).answer(false);
  }

  /** States of all groups by name. For `startup`, the state of the plain group. */
  states(): [name: string, state: State][] {
    return [...this.groupsByName].map(([name, group]) => [name, group.current().state]);
  }

  /** Creates missing groups and removes obsolete ones. Returns the names of the new groups. */
  setGroups(groups: Iterable<string>): ReadonlySet<string> {
    const before = new Map(this.groupsByName);
    const names = new Set(groups);
    this.groupsByName.clear();
    // All names are added first, because a new group looks up its checks immediately.
    for (const name of names) this.groupsByName.set(name, before.get(name) as Group);
    const added = [...names].filter((name) => !before.has(name));
    for (const name of added) this.groupsByName.set(name, this.createGroup(name));
    return new Set(added);
  }

  private createGroup(name: string): Group {
    return new Group(
      () => this.membersOf(name),
      () => this.source.readiness(),
      this.context,
      undefined,
      () => this.source.heldState(name),
    );
  }

  /**
   * Must be called when the set of all checks, or of those that count in a group, has changed. Must be followed by
   * `refresh` and `notify`.
   */
  reselect(): void {
    this.context.generation++;
    this.subscriptions.select();
  }

  /** Applies changed results. Calls `changed` for each group whose state has changed. */
  refresh(changed?: (name: string, group: Group, from: State) => void): void {
    this.context.revision++;
    for (const name of this.groupsByName.keys()) {
      const group = this.find(name) as Group;
      const from = group.status.state;
      group.refresh();
      if (from !== group.status.state) changed?.(name, group, from);
    }
    this.liveness.refresh();
  }

  /** Notifies the subscribers of groups that contain `member`, or of all groups. */
  notify(member?: Member): void {
    this.subscriptions.notify(member);
  }

  /** Drops the cached reports. */
  clear(): void {
    this.context.reports.clear();
  }

  // -- Health ----------------------------------------------------------------

  cachedStatus(scope: Scope): CachedStatus {
    return this.groupOfScope(scope).status;
  }

  ask(query: Query, answer: (answer: Answer) => void): Withdraw {
    const group = this.select(query) ?? this.notFound;
    if (group !== this.starting) return ask(group, query, this.source.clock, answer);
    // Startup passes when a run ends, not when a result is fresh, so there is nothing to wait for.
    this.startRuns(group, query);
    answer(group.answer(false));
    return () => {};
  }

  /** Starts the runs that a query would wait for. */
  private startRuns(group: Group, query: Omit<Query, 'timeout'>): void {
    ask(group, { ...query, timeout: 0 }, this.source.clock, () => {});
  }

  own(check: string): OwnResult | undefined {
    const { clock, members } = this.source;
    return members.get(check)?.own(clock.now());
  }

  /** Number of different `checks` selections with subscribers. */
  get watchedSelections(): number {
    return this.selections.watchedCount;
  }

  watch(selection: Selection, changed: () => void): Subscription;
  watch(selection: Selection, changed: () => void, maxSelections: number): Subscription | undefined;
  watch(selection: Selection, changed: () => void, maxSelections = Number.POSITIVE_INFINITY): Subscription | undefined {
    const existing = this.select(selection);
    const isNew = existing?.key !== undefined && !this.selections.isWatched(existing.key);
    if (isNew && this.watchedSelections >= maxSelections) return undefined;
    const name = selection.group as string;
    const missing = () =>
      this.selections.createMissing(
        selection,
        () => this.membersOf(name),
        () => this.source.heldState(name),
        maxSelections,
      );
    const group = existing ?? missing() ?? this.notFound;
    // Starting runs refreshes the group first, so that the new subscriber is not notified of a change that it already
    // sees.
    this.startRuns(group, { ...selection, hops: 0 });
    return this.subscriptions.add(group, changed);
  }

  private beginWatching(group: Group): void {
    if (group.key !== undefined) this.selections.watch(group.key, group);
  }

  private endWatching(group: Group): void {
    if (group.key !== undefined) this.selections.cancelWatches(group.key);
  }

  /** Returns undefined if the selection does not exist. */
  private select({ scope, checks, group }: Selection): Group | undefined {
    if (scope === 'liveness' || (checks === undefined && (group === undefined || group === scope))) {
      return this.groupOfScope(scope);
    }
    return checks ? this.selections.find(checks) : this.groupsByName.get(group as string);
  }

  private membersOf(group: string): readonly Member[] | undefined {
    return this.groupsByName.has(group) ? this.source.membersOf(group) : undefined;
  }

  private groupOfScope(scope: Scope): Group {
    switch (scope) {
      case 'readiness':
        return this.readiness;
      case 'liveness':
        return this.liveness;
      case 'startup':
        return this.starting;
    }
  }
}
