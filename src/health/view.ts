import type { Clock } from '../clock.js';
import { aggregate } from './aggregate.js';
import type { Answer, Standing } from './health.js';
import type { Monitor } from './monitor.js';
import type { State } from './state.js';

/** How much of a report is told: see `Answer.report`. */
export type Extent = Parameters<Answer['report']>[0];

/** How long a serialised report is given while nothing changes, in milliseconds. */
const REPORT_LIFE = 250;
const NONE: readonly Monitor[] = [];

export interface ViewContext {
  readonly clock: Clock;
  /** Rises whenever anything changes that a view could show. */
  readonly revision: number;
  /** Rises whenever other checks are selected than before. */
  readonly generation: number;
  serialise(view: View, extent: Extent): Buffer;
}

/** What a view says by itself, whatever its checks say; undefined: their aggregate counts. */
export type Override = () => State | undefined;

/** The checks that a view is of now; undefined: what it is of does not exist. */
export type Selection = () => readonly Monitor[] | undefined;

/** One selection of checks, and what is known of it as a whole. */
export class View {
  /** Replaced only when something changed. */
  standing!: Standing;
  private found: readonly Monitor[] | undefined;
  private generation = -1;
  private revision = -1;
  private readonly reports = new Map<Extent, { octets: Buffer; revision: number; until: number }>();

  constructor(
    private readonly selection: Selection,
    private readonly override: Override,
    private readonly context: ViewContext,
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
      this.found = this.selection();
    }
    return this.found;
  }

  /** What stands now. */
  current(): Standing {
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
    this.standing = { state: own ?? aggregate(this.checks), freshUntil, since };
  }

  /** What stands now, for one who asked; the report is that of the moment at which it is asked for. */
  answer(stale: boolean): Answer {
    return new ViewAnswer(this, this.current(), stale, this.context.clock.now());
  }

  report(extent: Extent): Buffer {
    const { clock, revision } = this.context;
    const now = clock.now();
    const kept = this.reports.get(extent);
    if (kept && kept.revision === revision && now < kept.until) return kept.octets;
    const octets = this.context.serialise(this, extent);
    this.reports.set(extent, { octets, revision, until: now + REPORT_LIFE });
    return octets;
  }
}

class ViewAnswer implements Answer {
  readonly state: State;
  readonly age: number;

  constructor(
    private readonly view: View,
    { state, since }: Standing,
    readonly stale: boolean,
    now: number,
  ) {
    this.state = state;
    this.age = Math.max(0, now - since);
  }

  report(extent: Extent): Buffer {
    return this.view.report(extent);
  }

  failing(): readonly { name: string; reason: string }[] {
    return this.view.checks
      .filter(({ state }) => state === 'fail' || state === 'unknown')
      .map(({ name, reason }) => ({ name, reason: reason ?? 'custom' }));
  }
}
