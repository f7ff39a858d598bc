import type { Clock } from '../../common/clock.js';
import type { Cause } from '../check.js';
import type { Answer, CachedStatus, FailingCheck, ReportDetail } from '../health.js';
import type { Member } from '../member.js';
import { aggregate, type CheckState, effectiveState, type State, worse } from '../state.js';
import type { ReportCache } from './report-cache.js';

const NONE: readonly Member[] = [];

export interface GroupContext {
  readonly clock: Clock;
  /** Incremented on each change that may be visible in a group. */
  readonly revision: number;
  /** Incremented when the set of checks changes. */
  readonly generation: number;
  readonly reports: ReportCache;
  serialise(group: Group, detail: ReportDetail): Buffer;
}

/** A state that takes precedence over the aggregate of the checks, with its cause for the report. */
export interface Override {
  readonly state: State;
  readonly cause?: Cause;
}

const NOT_FOUND: Override = { state: 'not-found' };
export const PASS: Override = { state: 'pass' };
export const DRAINING: Override = { state: 'draining' };
export const STARTING: Override = { state: 'starting' };

/** Returns the current checks of a group; undefined if the group does not exist. */
export type FindChecks = () => readonly Member[] | undefined;

/** Returns the best state that a group may have. */
export type Ceiling = () => CheckState;

/** A selection of checks and its aggregated status. */
export class Group {
  /** The status at the last refresh. It is replaced only when something changes. */
  status!: CachedStatus;
  /** Cause of the state, if the state is overridden. */
  ownCause: Cause | undefined;
  private members: readonly Member[] | undefined;
  private generation = -1;
  private revision = -1;

  constructor(
    private readonly findMembers: FindChecks,
    private readonly override: () => Override | undefined,
    private readonly context: GroupContext,
    /** Key of a selection by check names; undefined for a scope or a group. */
    readonly key?: string,
    private readonly ceiling: Ceiling = () => 'pass',
  ) {
    this.refresh();
  }

  get checks(): readonly Member[] {
    return this.select() ?? NONE;
  }

  private select(): readonly Member[] | undefined {
    const { generation } = this.context;
    if (this.generation !== generation) {
      this.generation = generation;
      this.members = this.findMembers();
    }
    return this.members;
  }

  /** The current status. */
  current(): CachedStatus {
    if (this.revision !== this.context.revision) this.refresh();
    return this.status;
  }

  refresh(): void {
    this.revision = this.context.revision;
    const own = this.select() ? this.override() : NOT_FOUND;
    this.ownCause = own?.cause;
    let freshUntil = Number.POSITIVE_INFINITY;
    let since = Number.POSITIVE_INFINITY;
    if (own === undefined || own.state === 'starting') {
      for (const check of this.checks) {
        freshUntil = Math.min(freshUntil, check.freshUntil);
        if (check.hysteresis.result) since = Math.min(since, check.startedAt);
      }
    }
    this.status = { state: own?.state ?? worse(aggregate(this.checks), this.ceiling()), freshUntil, since };
  }

  /** Returns the current status as an answer. The report is created when it is read. */
  answer(stale: boolean, late = false): Answer {
    return new GroupAnswer(this, this.current(), stale, late, this.context.clock.now());
  }

  report(detail: ReportDetail): Buffer {
    const { reports, revision } = this.context;
    return reports.get(this, detail, revision, () => this.context.serialise(this, detail));
  }
}

class GroupAnswer implements Answer {
  readonly state: State;
  readonly age: number;

  constructor(
    private readonly group: Group,
    { state, since }: CachedStatus,
    readonly stale: boolean,
    readonly late: boolean,
    now: number,
  ) {
    this.state = state;
    this.age = Math.max(0, now - since);
  }

  report(detail: ReportDetail): Buffer {
    return this.group.report(detail);
  }

  failing(): readonly FailingCheck[] {
    const { ownCause, checks } = this.group;
    const failing = checks
      .filter(({ state }) => state === 'fail' || state === 'unknown')
      .map((check) => ({ name: check.name, adds: effectiveState(check), reason: check.reason ?? 'custom' }));
    if (ownCause?.check === undefined) return failing;
    return [{ name: ownCause.check, adds: 'fail', reason: ownCause.reason ?? 'custom' }, ...failing];
  }
}
