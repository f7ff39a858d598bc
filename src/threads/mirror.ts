import type { Clock } from '../common/clock.js';
import type { Cause } from '../health/check.js';
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
} from '../health/health.js';
import { LatestResult, type Member, type Waiter } from '../health/member.js';
import { DRAINING, type Override, PASS, STARTING } from '../health/query/group.js';
import { Queries, type QuerySource } from '../health/query/queries.js';
import type { Identity } from '../health/report.js';
import { withoutVerdict } from '../health/result.js';
import type { CheckState } from '../health/state.js';
import { Batches } from './batches.js';
import type { LoopStatus } from './loop-monitor.js';
import type { CheckSnapshot, Demand, Structure, Update } from './messages.js';

const BUILT_IN_GROUPS = ['readiness', 'startup', 'all'];

/**
 * A copy of a check of the main thread. It requests runs from the main thread, and identifies a run by the earliest
 * start time that satisfies the request.
 */
class MirroredCheck extends LatestResult implements Member {
  private readonly waiters = new Map<Waiter, number>();
  private watches = 0;

  constructor(
    private snapshot: CheckSnapshot,
    private readonly demands: Demands,
  ) {
    super();
  }

  get check(): CheckSnapshot['check'] {
    return this.snapshot.check;
  }

  get hysteresis(): CheckSnapshot['hysteresis'] {
    return this.snapshot.hysteresis;
  }

  get raw(): CheckSnapshot['raw'] {
    return this.snapshot.raw;
  }

  get startedAt(): number {
    return this.snapshot.startedAt;
  }

  get duration(): number | undefined {
    return this.snapshot.duration;
  }

  get limit(): number {
    return this.snapshot.limit;
  }

  get verdictLimit(): number | undefined {
    return this.snapshot.verdictLimit;
  }

  get output(): string | undefined {
    return this.snapshot.output;
  }

  requestRun(maxAge: number, now: number, hops: number, mayStart: boolean): number {
    const since = now - maxAge;
    if (mayStart) this.demands.run(this.name, since, hops);
    return since;
  }

  hasEnded(since: number): boolean {
    return this.startedAt >= since;
  }

  addWaiter(since: number, waiter: Waiter): void {
    this.waiters.set(waiter, since);
  }

  removeWaiter(waiter: Waiter): void {
    this.waiters.delete(waiter);
  }

  watch(): void {
    this.watches++;
    if (this.watches === 1) this.demands.watch(this.name, true);
  }

  cancelWatches(): void {
    this.watches--;
    if (this.watches === 0) this.demands.watch(this.name, false);
  }

  apply(snapshot: CheckSnapshot): void {
    this.snapshot = snapshot;
  }

  /** Notifies the waiters whose runs have ended. */
  wake(): void {
    for (const [waiter, since] of this.waiters) {
      if (!this.hasEnded(since)) continue;
      this.waiters.delete(waiter);
      waiter.onRunEnded();
    }
  }

  /** Lets waiting queries check whether they still have to wait for runs. */
  reconsider(): void {
    for (const waiter of [...this.waiters.keys()]) waiter.reconsider();
  }

  /** Releases the waiters of a removed check. They continue to wait for the other checks. */
  abandon(): void {
    const waiters = [...this.waiters.keys()];
    this.waiters.clear();
    for (const waiter of waiters) waiter.onRunEnded();
  }

  /**
   * Drops a result, or the verdict on it, that became too old because the main thread sent no update. Returns whether
   * anything was dropped.
   */
  expire(now: number): boolean {
    const { hysteresis, startedAt, limit } = this.snapshot;
    if (hysteresis.result === undefined) return false;
    if (now <= startedAt + limit) return this.expireVerdict(now);
    hysteresis.result = undefined;
    hysteresis.since = now;
    this.snapshot = { ...this.snapshot, output: undefined };
    return true;
  }

  private expireVerdict(now: number): boolean {
    const { hysteresis, verdictLimit } = this.snapshot;
    if (verdictLimit === undefined || now < verdictLimit) return false;
    hysteresis.result = withoutVerdict(hysteresis.result);
    this.snapshot = { ...this.snapshot, verdictLimit: undefined };
    return true;
  }
}

/** Collects what the mirror needs from the main thread until it is sent. */
class Demands {
  private readonly runs = new Map<string, { since: number; hops: number }>();
  private readonly watches = new Map<string, boolean>();
  private readonly batches: Batches<Demand>;

  constructor(send: (demand: Demand) => void) {
    this.batches = new Batches(() => this.take(), send);
  }

  run(check: string, since: number, hops: number): void {
    const run = this.runs.get(check);
    // Of two requests, the later start and the smaller hop count satisfy both.
    this.runs.set(check, { since: Math.max(since, run?.since ?? since), hops: Math.min(hops, run?.hops ?? hops) });
    this.batches.schedule();
  }

  watch(check: string, isWatched: boolean): void {
    this.watches.set(check, isWatched);
    this.batches.schedule();
  }

  onTaken(): void {
    this.batches.onTaken();
  }

  private take(): Demand | undefined {
    if (this.runs.size === 0 && this.watches.size === 0) return undefined;
    const demand = {
      runs: [...this.runs].map(([check, run]) => ({ check, ...run })),
      watches: [...this.watches].map(([check, isWatched]) => ({ check, isWatched })),
    };
    this.runs.clear();
    this.watches.clear();
    return demand;
  }
}

/**
 * A copy of the main thread's health. It answers queries from the latest results without the main thread, and requests
 * a run from it only for a query that needs a newer result.
 */
export class Mirror implements Health {
  private structure: Structure;
  private readonly members = new Map<string, MirroredCheck>();
  private readonly demands: Demands;
  private readonly queries: Queries;
  private loop: LoopStatus = { isReadinessBlocked: false, isLivenessBlocked: false, blockedSince: 0 };
  private blocked: Override = PASS;

  constructor(
    private readonly clock: Clock,
    identity: Identity,
    send: (demand: Demand) => void,
  ) {
    this.structure = {
      identity,
      isDraining: false,
      checks: [],
      startup: { checks: [], state: 'starting' },
      groups: {},
    };
    this.demands = new Demands(send);
    this.queries = new Queries(this.source(), BUILT_IN_GROUPS);
  }

  private source(): QuerySource {
    const mirror = this;
    return {
      clock: this.clock,
      members: this.members,
      get identity() {
        return mirror.structure.identity;
      },
      readiness: () => this.draining() ?? (this.loop.isReadinessBlocked ? this.blocked : undefined),
      liveness: () => (this.loop.isLivenessBlocked ? this.blocked : PASS),
      startup: () => this.draining() ?? this.startup(),
      startupChecks: () => this.pick(this.structure.startup.checks),
      membersOf: (group) => this.pick(this.structure.groups[group]?.checks ?? []),
      heldState: (group): CheckState => this.structure.groups[group]?.heldState ?? 'pass',
    };
  }

  /** Applies an update from the main thread. */
  update({ structure, checks }: Update): void {
    const removed = structure ? this.restructure(structure) : [];
    const updated = structure ? [...this.members.values()] : checks.flatMap((snapshot) => this.apply(snapshot));
    this.queries.refresh();
    if (structure) this.queries.notify();
    else for (const member of updated) this.queries.notify(member);
    for (const member of removed) member.abandon();
    for (const member of updated) member.wake();
  }

  /** Reports that the main thread has taken the last demand. */
  onDemandTaken(): void {
    this.demands.onTaken();
  }

  setLoop(loop: LoopStatus): void {
    this.loop = loop;
    this.blocked = { state: 'fail', cause: this.loopCause() };
    this.queries.refresh();
    this.queries.notify();
    for (const member of this.members.values()) member.reconsider();
  }

  /** Drops results and verdicts that are too old to count. Must be called several times per second. */
  expire(): void {
    const now = this.clock.now();
    const expired = [...this.members.values()].filter((member) => member.expire(now));
    if (expired.length === 0) return;
    this.queries.refresh();
    for (const member of expired) this.queries.notify(member);
  }

  /** Returns the checks that were removed. */
  private restructure(structure: Structure): MirroredCheck[] {
    const before = new Map(this.members);
    this.structure = structure;
    this.members.clear();
    for (const snapshot of structure.checks) {
      const { name } = snapshot.check;
      const member = before.get(name) ?? new MirroredCheck(snapshot, this.demands);
      member.apply(snapshot);
      this.members.set(name, member);
    }
    this.queries.setGroups(Object.keys(structure.groups));
    this.queries.reselect();
    return [...before.values()].filter(({ name }) => !this.members.has(name));
  }

  private apply(snapshot: CheckSnapshot): MirroredCheck[] {
    const member = this.members.get(snapshot.check.name);
    member?.apply(snapshot);
    return member ? [member] : [];
  }

  private pick(names: readonly string[]): MirroredCheck[] {
    return names.flatMap((name) => this.members.get(name) ?? []);
  }

  private draining(): Override | undefined {
    return this.structure.isDraining ? DRAINING : undefined;
  }

  private startup(): Override | undefined {
    const { state } = this.structure.startup;
    return state && (state === 'pass' ? PASS : STARTING);
  }

  private loopCause(): Cause {
    const { instance, serviceId } = this.structure.identity;
    return {
      instance,
      ...(serviceId !== undefined && { service: serviceId }),
      via: [],
      check: 'event-loop',
      state: 'fail',
      reason: 'loop-blocked',
      output: `the event loop has been blocked since ${new Date(this.loop.blockedSince).toISOString()}`,
    };
  }

  // -- Health ----------------------------------------------------------------

  get instance(): string {
    return this.queries.instance;
  }

  cachedStatus(scope: Scope): CachedStatus {
    return this.queries.cachedStatus(scope);
  }

  ask(query: Query, answer: (answer: Answer) => void): Withdraw {
    return this.queries.ask(query, answer);
  }

  own(check: string): OwnResult | undefined {
    return this.queries.own(check);
  }

  /** Names of all groups. */
  groups(): readonly string[] {
    return this.queries.groups;
  }

  get watchedSelections(): number {
    return this.queries.watchedSelections;
  }

  watch(selection: Selection, changed: () => void, maxSelections = Number.POSITIVE_INFINITY): Subscription | undefined {
    return this.queries.watch(selection, changed, maxSelections);
  }
}
