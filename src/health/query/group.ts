import type { Clock } from '../../common/clock.js';
import type { Answer, CachedStatus, ReportDetail } from '../health.js';
import type { Monitor } from '../runs/monitor.js';
import { type CheckState, type State, worse } from '../state.js';
import { aggregate } from './aggregate.js';
import type { ReportCache } from './report-cache.js';

const NONE: readonly Monitor[] = [];

export interface ViewContext {
  readonly clock: Clock;
  /** Rises whenever anything changes that a view could show. */
  readonly revision: number;
  /** Rises whenever other checks are selected than before. */
  readonly generation: number;
  readonly reports: ReportCache;
  serialise(view: View, extent: ReportDetail): Buffer;
}

/** What a view says by itself, whatever its checks say; undefined: their aggregate counts. */
export type Override = () => State | undefined;

/** The checks that a view is of now; undefined: what it is of does not exist. */
export type FindChecks = () => readonly Monitor[] | undefined;

/** One selection of checks, and what is known of it as a whole. */
export class View {
  /** Replaced only when something changed. */
  standing!: CachedStatus;
  private found: readonly Monitor[] | undefined;
  private generation = -1;
  private revision = -1;

  constructor(
    private readonly find: FindChecks,
    private readonly override: Override,
    private readonly context: ViewContext,
    /** Identifies a selection by names of checks; undefined for a scope or a group. */
    readonly key?: string,
    /** What its state is no better than, whatever its checks say. */
    private readonly worst: () => CheckState = () => 'pass',
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
      this.found = this.find();
    }
    return this.found;
  }

  /** What stands now. */
  current(): CachedStatus {
    if (this.revision !== this.context.revision) this.refresh();
    return this.standing;
  }

  refresh(): void {
    this.revision = this.context.revision;
    const own = this.select() ? this.override() : 'not-found';
    let freshUntil = Number.POSITIVE_INFINITY;
    let since = Number.POSITIVE_INFINITY;
    if (own === undefined || own === 'starting') {
      for (const check of this.checks) {
        freshUntil = Math.min(freshUntil, check.freshUntil);
        if (check.verdict.finding) since = Math.min(since, check.startedAt);
      }
    }
    this.standing = { state: own ?? worse(aggregate(this.checks), this.worst()), freshUntil, since };
  }

  /** What stands now, for one who asked; the report is that of the moment at which it is asked for. */
  answer(stale: boolean, late = false): Answer {
    return new ViewAnswer(this, this.current(), stale, late, this.context.clock.now());
  }

  report(extent: ReportDetail): Buffer {
    const { reports, revision } = this.context;
    return reports.get(this, extent, revision, () => this.context.serialise(this, extent));
  }
}

class ViewAnswer implements Answer {
  readonly state: State;
  readonly age: number;

  constructor(
    private readonly view: View,
    { state, since }: CachedStatus,
    readonly stale: boolean,
    readonly late: boolean,
    now: number,
  ) {
    this.state = state;
    this.age = Math.max(0, now - since);
  }

  report(extent: ReportDetail): Buffer {
    return this.view.report(extent);
  }

  failing(): readonly { name: string; reason: string }[] {
    return this.view.checks
      .filter(({ state }) => state === 'fail' || state === 'unknown')
      .map(({ name, reason }) => ({ name, reason: reason ?? 'custom' }));
  }
}
