import { randomBytes } from 'node:crypto';
import { type Clock, systemClock } from '../../common/clock.js';
import { Listeners } from '../../common/listeners.js';
import { redactor } from '../../common/redact.js';
import { type DefinedCheck, hasOtherSettings, isSameCheck, withRunOf } from '../defined-check.js';
import type { Fate, Peers } from '../fate.js';
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
import type { Reason } from '../reason.js';
import type { Identity } from '../report.js';
import { ResultNormalizer } from '../result.js';
import { addLoad } from '../runs/loader.js';
import { Monitor, type MonitorContext, type Snapshot } from '../runs/monitor.js';
import { RepeatQueue } from '../runs/repeat-queue.js';
import type { CheckStats } from '../runs/stats.js';
import type { RunTracer } from '../runs/trace.js';
import { type CheckState, effectiveState, type State } from '../state.js';
import { CheckCloser } from './check-closer.js';
import { DRAINING, type Override, PASS, STARTING } from './group.js';
import { JoiningChecks } from './joining.js';
import { Queries, type QuerySource } from './queries.js';
import { Startup, StartupGrace } from './startup.js';

/** Default of `staleLimit`, in milliseconds. */
export const STALE_LIMIT = 30_000;

/** Settings that a reload may change. */
export interface RegistrySettings {
  /** In configuration order. Names must be unique. */
  checks: readonly DefinedCheck[];
  /**
   * Results older than both this and the check's max age count as unknown. In milliseconds.
   * @default 30000
   */
  staleLimit?: number;
  /**
   * How long after `start` the startup scope reports `starting` while it has not passed, in milliseconds. Afterwards,
   * it reports the state of its checks. Default: no limit.
   */
  startupGrace?: number;
  serviceId?: string;
  releaseId?: string;
  /** Queried about failures of checks with `onShared: 'warn'`. Default: none. */
  peers?: Peers | undefined;
  /** Groups that exist even without checks, in addition to `readiness`, `startup` and `all`. */
  groups?: readonly string[];
}

export interface RegistryOptions extends RegistrySettings {
  /** @default systemClock */
  clock?: Clock;
  /** Default: a random id. */
  instance?: string;
  /**
   * Returns a number from 0 (inclusive) to 1 (exclusive), for the jitter of background runs.
   * @default Math.random
   */
  random?: () => number;
}

/** Names of the checks that a reload added, changed and removed. */
export interface ChangedChecks {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/** A state change of a check or a group. */
export interface Transition {
  readonly of: 'check' | 'group';
  readonly name: string;
  readonly from: State;
  readonly to: State;
  /** Reason for a state other than pass. For a group, the reason of its worst check. */
  readonly reason?: Reason;
  readonly output?: string;
}

/** Read-only view of a check, for metrics and pages. Reading starts no run. */
export interface CheckView {
  readonly name: string;
  readonly kind: string;
  readonly critical: boolean;
  readonly groups: readonly string[];
  readonly state: CheckState;
  /** Reason for a state other than pass. */
  readonly reason: Reason | undefined;
  /** Numbers of consecutive good and bad results. One of them is 0. */
  readonly passes: number;
  readonly fails: number;
  readonly stats: Readonly<CheckStats>;
  readonly onShared: 'fail' | 'warn';
  /** Fate of a failure, for a check with `onShared: 'warn'`. */
  readonly fate: Fate | undefined;
  /** Maximum age in milliseconds at which a result is shared by requests that set no max age. */
  readonly sharedFor: number;
  readonly inFlight: boolean;
  /** Number of runs that are still hanging after their timeout. */
  readonly abandoned: number;
}

/** A run of a check that has ended. */
export interface EndedRun {
  readonly name: string;
  /** Whether its result is fail or unknown, before `rise` and `fall` are applied. */
  readonly failed: boolean;
  /** In milliseconds; undefined if no run was possible. */
  readonly duration: number | undefined;
}

/** Called with the check that has a new result, or without an argument if anything may have changed. */
export type UpdateListener = (member?: Member) => void;

/** The health of this process: its checks, groups and lifecycle. */
export class Registry implements Health {
  readonly instance: string;
  private readonly monitors = new Map<string, Monitor>();
  private readonly monitorContext: MonitorContext;
  private identity: Identity;
  private startup: Startup<Monitor>;
  private readonly grace: StartupGrace;
  /** The data from which queries are answered, including by a copy on another thread. */
  readonly source: QuerySource;
  private readonly queries: Queries;
  private readonly joining = new JoiningChecks<Monitor>();
  private readonly closer: CheckCloser;
  private readonly transitions = new Listeners<[transition: Transition]>();
  private readonly updates = new Listeners<Parameters<UpdateListener>>();
  private readonly runs = new Listeners<[run: EndedRun]>();
  private isDraining = false;
  private isStopped = false;
  private stopping: Promise<void> | undefined;

  constructor(options: RegistryOptions) {
    const { clock = systemClock, random = Math.random, staleLimit = STALE_LIMIT } = options;
    this.closer = new CheckCloser(clock, (check) =>
      [...this.monitors.values()].some((monitor) => monitor.check.source === check.source),
    );
    this.instance = options.instance ?? randomBytes(8).toString('hex');
    this.identity = this.identityOf(options);
    this.grace = new StartupGrace(clock, () => this.refreshAll(), options.startupGrace);
    this.monitorContext = {
      clock,
      random,
      normalizer: this.normalizerOf(options),
      loads: new Set(),
      repeats: new RepeatQueue(clock),
      staleLimit,
      peers: options.peers,
      tracer: undefined,
      recorded: (monitor) => this.updates.call(monitor),
      ran: ({ name, duration }, failed) => this.runs.call({ name, failed, duration }),
      changed: (monitor, before) => this.changed(monitor, before),
    };
    for (const check of options.checks) this.monitors.set(check.name, new Monitor(check, this.monitorContext));
    this.startup = new Startup([...this.monitors.values()]);
    this.source = this.querySource();
    this.queries = new Queries(this.source, this.groupNames(options.groups));
  }

  private querySource(): QuerySource {
    const registry = this;
    return {
      clock: this.monitorContext.clock,
      members: this.monitors,
      get identity() {
        return registry.identity;
      },
      readiness: () => this.override(),
      liveness: () => PASS,
      startup: () => this.override() ?? this.startupOverride(),
      startupChecks: () => this.startup.checks,
      membersOf: (group) => this.membersOf(group),
      heldState: (group) => this.joining.heldState(group),
    };
  }

  /** All checks, in configuration order. */
  get checks(): readonly CheckView[] {
    return [...this.monitors.values()];
  }

  /**
   * Starts the first run of each check, followed by background runs. The startup grace begins.
   *
   * @param preparing other startup work that blocks the event loop, such as loading modules. The first runs wait for
   * it, for at most a second.
   */
  start(preparing?: Promise<unknown>): void {
    this.grace.start();
    if (preparing) addLoad(this.monitorContext.loads, preparing).catch(() => {});
    for (const monitor of loadsFirst(this.monitors.values())) monitor.start();
    // `start` may begin loading dependencies, which changes the output of checks.
    this.updates.call();
  }

  /** Sets the tracer for runs that start from now on. */
  trace(tracer: RunTracer | undefined): void {
    this.monitorContext.tracer = tracer;
  }

  /**
   * Applies new settings synchronously. An unchanged check keeps its result, counters and timers. A replaced check
   * keeps the state of its predecessor until its own first result. A new check counts in existing groups only from its
   * first result, so that the new check does not make them unknown.
   */
  reload(settings: RegistrySettings): ChangedChecks {
    const { checks, staleLimit = STALE_LIMIT } = settings;
    const before = new Map(this.monitors);
    this.joining.hold(this.queries.states());
    const isOtherLimit = staleLimit !== this.monitorContext.staleLimit;
    this.monitorContext.normalizer = this.normalizerOf(settings);
    this.monitorContext.staleLimit = staleLimit;
    this.monitorContext.peers = settings.peers;
    this.identity = this.identityOf(settings);
    this.monitors.clear();
    const added: Monitor[] = [];
    const changed: string[] = [];
    const starts = new Map<Monitor, () => void>();
    for (const check of checks) {
      const { name } = check;
      this.closer.reopen(check);
      const known = before.get(name);
      const monitor = known ?? new Monitor(check, this.monitorContext);
      this.monitors.set(name, monitor);
      if (!known) {
        added.push(monitor);
        starts.set(monitor, () => monitor.start());
        continue;
      }
      const old = known.check;
      const isSame = isSameCheck(old, check);
      const isOther = !isSame || hasOtherSettings(old, check);
      if (isOther) changed.push(name);
      if (!isSame) {
        known.replace(check);
        starts.set(known, () => this.closer.retire(old, known.restart()));
      } else if (isOther || isOtherLimit) {
        known.configure(withRunOf(old, check));
      }
    }
    const removed = [...before.values()].filter((monitor) => this.monitors.get(monitor.name) !== monitor);

    this.startup = new Startup([...this.monitors.values()], this.startup);
    for (const monitor of this.monitors.values()) if (monitor.hasRun) this.startup.onResult(monitor);
    for (const monitor of removed) this.joining.delete(monitor);
    this.joining.add(added, this.queries.setGroups(this.groupNames(settings.groups)));
    this.grace.reload(settings.startupGrace);
    this.reselect();

    // Requests that wait for a removed check are answered from the remaining checks.
    for (const monitor of removed) this.closer.retire(monitor.check, monitor.stop());
    for (const monitor of loadsFirst(starts.keys())) starts.get(monitor)?.();
    return { added: added.map(({ name }) => name), changed, removed: removed.map(({ name }) => name) };
  }

  /** Makes all scopes except liveness report draining. */
  drain(): void {
    this.isDraining = true;
    this.refreshAll();
  }

  /**
   * Aborts all runs and closes all checks. Resolves when they have settled, but no later than after one second. Never
   * rejects.
   */
  stop(): Promise<void> {
    this.isStopped = true;
    this.stopping ??= this.stopAll();
    return this.stopping;
  }

  /**
   * Calls `listener` on each state change of a check or group.
   *
   * @returns a function that removes the listener.
   */
  onTransition(listener: (transition: Transition) => void): () => void {
    return this.transitions.add(listener);
  }

  /**
   * Calls `listener` with the check on each result, and without a check on each change of the checks, groups or
   * lifecycle.
   *
   * @returns a function that removes the listener.
   */
  onUpdate(listener: UpdateListener): () => void {
    return this.updates.add(listener);
  }

  /**
   * Calls `listener` at the end of each run, before the result counts.
   *
   * @returns a function that removes the listener.
   */
  onRun(listener: (run: EndedRun) => void): () => void {
    return this.runs.add(listener);
  }

  /** Names of all groups. */
  groups(): readonly string[] {
    return this.queries.groups;
  }

  /** Current state of a group. For `startup`, the state of the scope. Starts no run. */
  stateOf(group: string): State {
    return this.queries.find(group)?.status.state ?? 'not-found';
  }

  /** Current status of a group, with its report. Starts no run. */
  known(group: string): Answer {
    return this.queries.known(group);
  }

  cachedStatus(scope: Scope): CachedStatus {
    return this.queries.cachedStatus(scope);
  }

  ask(query: Query, answer: (answer: Answer) => void): Withdraw {
    return this.queries.ask(this.isStopped ? { ...query, timeout: 0 } : query, answer);
  }

  own(check: string): OwnResult | undefined {
    return this.queries.own(check);
  }

  /** Number of different `checks` selections with subscribers. */
  get watchedSelections(): number {
    return this.queries.watchedSelections;
  }

  watch(selection: Selection, changed: () => void): Subscription;
  watch(selection: Selection, changed: () => void, maxSelections: number): Subscription | undefined;
  watch(selection: Selection, changed: () => void, maxSelections = Number.POSITIVE_INFINITY): Subscription | undefined {
    return this.queries.watch(selection, changed, maxSelections);
  }

  private membersOf(group: string): readonly Monitor[] {
    return [...this.monitors.values()].filter((monitor) => this.joining.counts(monitor, group));
  }

  private groupNames(named: readonly string[] = []): Set<string> {
    const checked = [...this.monitors.values()].flatMap(({ groups }) => groups);
    return new Set(['readiness', 'startup', 'all', ...named, ...checked]);
  }

  /**
   * The state of startup. Undefined if startup has not passed within the grace period, so that the state of its checks
   * applies.
   */
  private startupOverride(): Override | undefined {
    if (this.startup.passed) return PASS;
    return this.grace.isOver ? undefined : STARTING;
  }

  private override(): Override | undefined {
    return this.isDraining ? DRAINING : undefined;
  }

  private changed(monitor: Monitor, before: Snapshot): void {
    const wasStarted = this.startup.passed;
    this.startup.onResult(monitor);
    const { name, state: to, reason, hysteresis } = monitor;
    if (to !== before.state) this.emit('check', name, before.state, to, reason, hysteresis.result?.output);
    if (this.joining.delete(monitor)) return this.reselect();
    this.refresh();
    const isStartupOther = this.startup.passed !== wasStarted;
    this.updates.call(isStartupOther ? undefined : monitor);
    if (isStartupOther) this.queries.notify();
    // Most results equal the previous one, so nothing needs to be compared.
    else if (to !== before.state || reason !== before.reason || monitor.fate !== before.fate)
      this.queries.notify(monitor);
  }

  /** Applies a change in the checks that count in groups. */
  private reselect(): void {
    this.joining.release();
    this.queries.reselect();
    this.refreshAll();
  }

  /** Applies a change that may affect all groups. */
  private refreshAll(): void {
    this.refresh();
    this.updates.call();
    this.queries.notify();
  }

  private identityOf({ serviceId, releaseId }: RegistrySettings): Identity {
    return {
      instance: this.instance,
      ...(serviceId !== undefined && { serviceId }),
      ...(releaseId !== undefined && { releaseId }),
    };
  }

  private normalizerOf({ checks }: RegistrySettings): ResultNormalizer {
    return new ResultNormalizer(redactor(checks.flatMap(({ secrets }) => secrets ?? [])), this.instance);
  }

  /** Refreshes all groups and emits their transitions. */
  private refresh(): void {
    this.queries.refresh((name, { status: { state }, checks }, from) => {
      const worst = checks.find((check) => effectiveState(check) === state);
      this.emit('group', name, from, state, worst?.reason, worst?.hysteresis.result?.output);
    });
  }

  private emit(of: 'check' | 'group', name: string, from: State, to: State, reason?: Reason, output?: string): void {
    const why = { ...(reason && { reason }), ...(output !== undefined && { output }) };
    this.transitions.call({ of, name, from, to, ...why });
  }

  private async stopAll(): Promise<void> {
    this.grace.stop();
    this.queries.clear();
    await this.closer.stop([...this.monitors.values()].map((monitor) => [monitor.check, monitor.stop()]));
  }
}

/**
 * Puts checks with dependencies to load first, so that the first runs of the other checks wait until these are loaded.
 */
function loadsFirst(monitors: Iterable<Monitor>): Monitor[] {
  const order = ({ check }: Monitor) => (check.load ? 0 : 1);
  return [...monitors].sort((a, b) => order(a) - order(b));
}
