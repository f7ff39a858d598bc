import type { Clock } from '../../common/clock.js';
import type { Answer, CachedStatus, ReportDetail } from '../health.js';
import type { Monitor } from '../runs/monitor.js';
import { aggregate, type CheckState, type State, worse } from '../state.js';
import type { ReportCache } from './report-cache.js';

const NONE: readonly Monitor[] = [];

export interface GroupContext {
  readonly clock: Clock;
  /** Rises whenever anything changes that a group could show. */
  readonly revision: number;
  /** Rises whenever other checks are selected than before. */
  readonly generation: number;
  readonly reports: ReportCache;
  serialise(group: Group, detail: ReportDetail): Buffer;
}

/** What a group says by itself, whatever its checks say; undefined: their aggregate counts. */
export type Override = () => State | undefined;

/** The checks that a group is of now; undefined: what it is of does not exist. */
export type FindChecks = () => readonly Monitor[] | undefined;

/** One selection of checks, and what is known of it as a whole. */
export class Group {
  /** Replaced only when something changed. */
  status!: CachedStatus;
  private members: readonly Monitor[] | undefined;
  private generation = -1;
  private revision = -1;

  constructor(
    private readonly findMembers: FindChecks,
    private readonly override: Override,
    private readonly context: GroupContext,
    /** Identifies a selection by names of checks; undefined for a scope or a group. */
    readonly key?: string,
    /** What its state is no better than, whatever its checks say. */
    private readonly ceiling: () => CheckState = () => 'pass',
  ) {
    this.refresh();
  }

  get checks(): readonly Monitor[] {
    return this.select() ?? NONE;
  }

  private select(): readonly Monitor[] | undefined {
    const { generation } = this.context;
    if (this.generation !== generation) {
      this.generation = generation;
      this.members = this.findMembers();
    }
    return this.members;
  }

  /** What stands now. */
  current(): CachedStatus {
    if (this.revision !== this.context.revision) this.refresh();
    return this.status;
  }

  refresh(): void {
    this.revision = this.context.revision;
    const own = this.select() ? this.override() : 'not-found';
    let freshUntil = Number.POSITIVE_INFINITY;
    let since = Number.POSITIVE_INFINITY;
    if (own === undefined || own === 'starting') {
      for (const check of this.checks) {
        freshUntil = Math.min(freshUntil, check.freshUntil);
        if (check.hysteresis.result) since = Math.min(since, check.startedAt);
      }
    }
    this.status = { state: own ?? worse(aggregate(this.checks), this.ceiling()), freshUntil, since };
  }

  /** What stands now, for one who asked; the report is that of the moment at which it is asked for. */
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

  failing(): readonly { name: string; reason: string }[] {
    return this.group.checks
      .filter(({ state }) => state === 'fail' || state === 'unknown')
      .map(({ name, reason }) => ({ name, reason: reason ?? 'custom' }));
  }
}
