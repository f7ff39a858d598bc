import { randomBytes } from 'node:crypto';
import { type Clock, systemClock, type Timer } from '../clock.js';
import { PongcheckError } from '../errors.js';
import { contribution } from './aggregate.js';
import type { CheckDefinition, CheckFunction } from './check.js';
import type { CheckStats } from './check-stats.js';
import { defineCheck } from './define.js';
import type { Answer, Health, Query, Scope, Selection, Standing, Watched, Withdraw } from './health.js';
import { isolate } from './isolate.js';
import { type Held, Monitor } from './monitor.js';
import { ask } from './question.js';
import type { Reason } from './reason.js';
import { redactor } from './redact.js';
import { type Identity, report } from './report.js';
import { ReportCache } from './report-cache.js';
import { Findings } from './result.js';
import { Selections } from './selections.js';
import { Startup } from './startup.js';
import type { CheckState, State } from './state.js';
import { type Override, View, type ViewContext } from './view.js';
import { Watches } from './watches.js';

/** How long `stop` waits for checks that do not let go, in milliseconds. */
const STOP_LIMIT = 1000;

export interface RegistryOptions {
  checks: Readonly<Record<string, CheckDefinition | CheckFunction>>;
  /** Default: the clock of this process. */
  clock?: Clock;
  /** Results older than this, and than the check's own max age, count as unknown. Milliseconds, default 30000. */
  staleLimit?: number;
  /**
   * How long the scope startup says `starting`, from `start` on, while it has not passed; from then on it says what its
   * checks say. Milliseconds. Default: as long as it takes.
   */
  startupGrace?: number;
  /** Default: random. */
  instance?: string;
  serviceId?: string;
  releaseId?: string;
  /** Names of groups that exist also without a check in them, beside `readiness`, `startup` and `all`. */
  groups?: readonly string[];
  /** 0 to below 1, for the jitter of background runs. Default `Math.random`. */
  random?: () => number;
}

/** A check or a group is in another state than before. */
export interface Transition {
  readonly of: 'check' | 'group';
  readonly name: string;
  readonly from: State;
  readonly to: State;
  /** Why it is not pass, of a group that of its worst check. */
  readonly reason?: Reason;
  readonly output?: string;
}

/** What metrics and pages read of a check; reading it runs nothing. */
export interface CheckView {
  readonly name: string;
  readonly kind: string;
  readonly critical: boolean;
  readonly groups: readonly string[];
  readonly state: CheckState;
  /** Why the state is not pass. */
  readonly reason: Reason | undefined;
  /** Good and bad results in a row: one of the two is 0. */
  readonly passes: number;
  readonly fails: number;
  readonly stats: Readonly<CheckStats>;
  /** Age up to which a result satisfies who names none, in milliseconds. */
  readonly sharedFor: number;
  readonly inFlight: boolean;
  /** Runs that outlived their timeout and have not let go. */
  readonly abandoned: number;
}

/** The health of this process: its checks, its groups, and where it is in its life. */
export class Registry implements Health {
  readonly instance: string;
  /** Every check, in the order of the configuration. */
  readonly checks: readonly CheckView[];
  private readonly clock: Clock;
  private readonly monitors: ReadonlyMap<string, Monitor>;
  private readonly startup: Startup<Monitor>;
  private readonly startupGrace: number;
  private graceTimer: Timer;
  private isGraceOver = false;
  private readonly context: { -readonly [K in keyof ViewContext]: ViewContext[K] };
  private readonly liveness: View;
  private readonly readiness: View;
  private readonly starting: View;
  private readonly notFound: View;
  /** By the name of the group. That of `startup` is its plain aggregate, as a question of another scope may ask for it. */
  private readonly groupViews: ReadonlyMap<string, View>;
  private readonly selections: Selections;
  private readonly listeners = new Set<(transition: Transition) => void>();
  private readonly watches = new Watches(
    (view) => this.beginWatching(view),
    (view) => this.endWatching(view),
  );
  private isDraining = false;
  private isStopped = false;
  private stopping: Promise<void> | undefined;

  /** @throws PongcheckError `PONGCHECK_CHECK` for a check that makes no sense, `PONGCHECK_CONFIG` for a stale limit or a grace. */
  constructor(options: RegistryOptions) {
    const {
      clock = systemClock,
      staleLimit = 30_000,
      startupGrace = Number.POSITIVE_INFINITY,
      random = Math.random,
    } = options;
    if (!(staleLimit >= 0)) {
      throw new PongcheckError(
        'PONGCHECK_CONFIG',
        `staleLimit is ${staleLimit}; allowed: a number of milliseconds from 0`,
      );
    }
    if (!(startupGrace >= 0)) {
      throw new PongcheckError(
        'PONGCHECK_CONFIG',
        `startup.grace is ${startupGrace}; allowed: a number of milliseconds from 0`,
      );
    }
    const instance = options.instance ?? randomBytes(8).toString('hex');
    const identity: Identity = {
      instance,
      ...(options.serviceId !== undefined && { serviceId: options.serviceId }),
      ...(options.releaseId !== undefined && { releaseId: options.releaseId }),
    };
    const defined = Object.entries(options.checks).map(([name, definition]) => defineCheck(name, definition));
    const findings = new Findings(redactor(defined.flatMap(({ secrets }) => secrets ?? [])), instance);
    const changed = (monitor: Monitor, before: Held) => this.changed(monitor, before);
    const monitors = defined.map((check) => new Monitor(check, { clock, random, findings, staleLimit, changed }));
    this.clock = clock;
    this.instance = instance;
    this.monitors = new Map(monitors.map((monitor) => [monitor.name, monitor]));
    this.checks = monitors;
    this.startup = new Startup(monitors);
    this.startupGrace = startupGrace;
    this.context = {
      clock,
      revision: 0,
      reports: new ReportCache(clock),
      serialise: (view, extent) =>
        Buffer.from(JSON.stringify(report(view, identity, { now: clock.now(), wall: clock.wall() }, extent))),
    };
    const view = (checks: readonly Monitor[], override: Override, key?: string) =>
      new View(checks, override, this.context, key);
    this.liveness = view([], () => 'pass');
    this.notFound = view([], () => 'not-found');
    this.starting = view(this.startup.checks, () => this.draining() ?? this.started());
    const names = [
      'readiness',
      'startup',
      'all',
      ...(options.groups ?? []),
      ...monitors.flatMap(({ groups }) => groups),
    ];
    this.groupViews = new Map(
      [...new Set(names)].map((name) => [
        name,
        view(name === 'all' ? monitors : monitors.filter(({ groups }) => groups.includes(name)), this.draining),
      ]),
    );
    this.selections = new Selections(this.monitors, (selected, key) => view(selected, this.draining, key));
    this.readiness = this.groupViews.get('readiness') as View;
  }

  /** Runs every check for the first time; the background runs follow. The grace of startup begins. */
  start(): void {
    if (this.startupGrace < Number.POSITIVE_INFINITY) {
      this.graceTimer = this.clock.after(this.startupGrace, () => this.endGrace());
    }
    for (const monitor of this.monitors.values()) monitor.start();
  }

  /** From now on everything but liveness answers draining. */
  drain(): void {
    this.isDraining = true;
    this.refresh();
    this.watches.look();
  }

  /** Aborts every run and lets go of what the checks keep; settles when they have, or after a second. Never rejects. */
  stop(): Promise<void> {
    this.isStopped = true;
    this.stopping ??= this.end();
    return this.stopping;
  }

  /** Calls `listener` at every change of state of a check or group; returns what takes that back. */
  onTransition(listener: (transition: Transition) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The names of all groups. */
  groups(): readonly string[] {
    return [...this.groupViews.keys()];
  }

  /** The state of a group as it is known now; of `startup` that of the scope. Runs nothing. */
  stateOf(group: string): State {
    return this.watched(group)?.standing.state ?? 'not-found';
  }

  /** What is known of a group now, in full. Runs nothing. */
  known(group: string): Answer {
    return (this.groupViews.get(group) ?? this.notFound).answer(false);
  }

  standing(scope: Scope): Standing {
    return this.ofScope(scope).standing;
  }

  ask(query: Query, answer: (answer: Answer) => void): Withdraw {
    return ask(this.select(query), this.isStopped ? { ...query, timeout: 0 } : query, this.clock, answer);
  }

  /** Number of different `checks` selections that are watched now. */
  get watchedSelections(): number {
    return this.selections.watchedCount;
  }

  watch(selection: Selection, changed: () => void): Watched;
  watch(selection: Selection, changed: () => void, maxSelections: number): Watched | undefined;
  watch(selection: Selection, changed: () => void, maxSelections = Number.POSITIVE_INFINITY): Watched | undefined {
    const view = this.select(selection);
    const isNew = view.key !== undefined && !this.selections.isWatched(view.key);
    if (isNew && this.watchedSelections >= maxSelections) return undefined;
    // First, because what this changes at once is no news to who is told only now.
    ask(view, { ...selection, timeout: 0, hops: 0 }, this.clock, () => {});
    return this.watches.add(view, changed);
  }

  private beginWatching(view: View): void {
    if (view.key !== undefined) this.selections.watch(view.key, view);
    for (const check of view.checks) check.watch();
  }

  private endWatching(view: View): void {
    if (view.key !== undefined) this.selections.unwatch(view.key);
    for (const check of view.checks) check.unwatch();
  }

  private select({ scope, checks, group }: Selection): View {
    if (scope === 'liveness' || (checks === undefined && (group === undefined || group === scope))) {
      return this.ofScope(scope);
    }
    return (checks ? this.selections.find(checks) : this.groupViews.get(group as string)) ?? this.notFound;
  }

  private ofScope(scope: Scope): View {
    switch (scope) {
      case 'readiness':
        return this.readiness;
      case 'liveness':
        return this.liveness;
      case 'startup':
        return this.starting;
    }
  }

  /** What startup says by itself: nothing once its grace is over and it has not passed. */
  private started(): 'pass' | 'starting' | undefined {
    if (this.startup.passed) return 'pass';
    return this.isGraceOver ? undefined : 'starting';
  }

  private endGrace(): void {
    this.isGraceOver = true;
    this.refresh();
    this.watches.look();
  }

  private readonly draining = (): 'draining' | undefined => (this.isDraining ? 'draining' : undefined);

  private changed(monitor: Monitor, before: Held): void {
    const wasStarted = this.startup.passed;
    this.startup.see(monitor);
    const { name, state: to, reason, verdict } = monitor;
    if (to !== before.state) this.tell('check', name, before.state, to, reason, verdict.finding?.output);
    this.refresh();
    if (this.startup.passed !== wasStarted) this.watches.look();
    // Most results are as the one before, and then nothing that is watched need be looked at.
    else if (to !== before.state || reason !== before.reason) this.watches.look(monitor);
  }

  /** Brings what stands up to date, and tells which groups are in another state. */
  private refresh(): void {
    this.context.revision++;
    for (const name of this.groupViews.keys()) {
      const view = this.watched(name) as View;
      const from = view.standing.state;
      view.refresh();
      const to = view.standing.state;
      if (from === to) continue;
      const worst = view.checks.find((check) => contribution(check) === to);
      this.tell('group', name, from, to, worst?.reason, worst?.verdict.finding?.output);
    }
  }

  private watched(group: string): View | undefined {
    return group === 'startup' ? this.starting : this.groupViews.get(group);
  }

  private tell(of: 'check' | 'group', name: string, from: State, to: State, reason?: Reason, output?: string): void {
    const why = { ...(reason && { reason }), ...(output !== undefined && { output }) };
    for (const listener of this.listeners) isolate(() => listener({ of, name, from, to, ...why }));
  }

  private async end(): Promise<void> {
    this.clock.clear(this.graceTimer);
    this.context.reports.clear();
    let limit: unknown;
    const stops = Promise.all([...this.monitors.values()].map((monitor) => monitor.stop()));
    await Promise.race([
      stops,
      new Promise<void>((resolve) => {
        limit = this.clock.after(STOP_LIMIT, resolve);
      }),
    ]);
    this.clock.clear(limit);
  }
}
