import { callSafely } from '../../common/call-safely.js';
import type { Answer, CachedStatus, Subscription } from '../health.js';
import type { Member } from '../member.js';
import type { Group } from './group.js';

/** Maximum work per turn of the event loop: 1 per check compared, 1 per subscription notified. */
const TURN_BUDGET = 2048;

/** A subscription to a group. A class without closures, because there can be many subscriptions. */
class GroupSubscription implements Subscription {
  /** The version of the group that was last notified. */
  version: number;

  constructor(
    readonly watched: WatchedGroup,
    readonly changed: () => void,
    private readonly all: Subscriptions,
  ) {
    this.version = watched.version;
  }

  get answer(): Answer {
    return this.watched.group.answer(false);
  }

  notifyIfChanged(): void {
    const { watched } = this;
    watched.compare();
    if (watched.subscriptions.has(this)) watched.notify(this);
  }

  end(): void {
    this.all.delete(this);
  }
}

/** A group with at least one subscription. */
class WatchedGroup {
  readonly subscriptions = new Set<GroupSubscription>();
  /** Incremented on each change. */
  version = 0;
  /** The latest version for which notification of the subscriptions has started. */
  notifiedVersion = 0;
  private status: CachedStatus;
  private signature: string;
  /** The checks that run because this group has subscriptions. */
  private checks: readonly Member[] = [];

  constructor(readonly group: Group) {
    this.status = group.current();
    this.signature = signatureOf(group);
  }

  /** Replaces the checks that run because of this group. */
  setChecks(checks: readonly Member[]): void {
    const before = this.checks;
    this.checks = checks;
    for (const check of checks) if (!before.includes(check)) check.watch();
    for (const check of before) if (!checks.includes(check)) check.cancelWatches();
  }

  /** Detects changes since the last call. */
  compare(): void {
    const { group } = this;
    if (group.current() === this.status) return;
    this.status = group.status;
    const signature = signatureOf(group);
    if (signature === this.signature) return;
    this.signature = signature;
    this.version++;
  }

  /** Notifies `subscription`, unless it has already been notified of this version. */
  notify(subscription: GroupSubscription): void {
    if (subscription.version === this.version) return;
    subscription.version = this.version;
    callSafely(subscription.changed);
  }
}

/**
 * Subscriptions to groups. A subscription is notified when the state of its group changes, or the state, reason or fate
 * of one of the group's checks. The checks keep running while there are subscriptions. The cost of running them does
 * not depend on the number of subscriptions.
 */
export class Subscriptions {
  private readonly groups = new Map<Group, WatchedGroup>();
  /** Groups that may have changed, in the order in which they will be compared. */
  private readonly due = new Set<WatchedGroup>();
  private steps: Iterator<number, void> | undefined;
  private isRunning = false;

  constructor(
    private readonly began: (group: Group) => void,
    private readonly ended: (group: Group) => void,
  ) {}

  add(group: Group, changed: () => void): Subscription {
    const watched = this.groups.get(group) ?? this.begin(group);
    // A new subscription starts with the current version.
    watched.compare();
    const subscription = new GroupSubscription(watched, changed, this);
    watched.subscriptions.add(subscription);
    return subscription;
  }

  delete(subscription: GroupSubscription): void {
    const { watched } = subscription;
    if (!watched.subscriptions.delete(subscription) || watched.subscriptions.size > 0) return;
    this.groups.delete(watched.group);
    this.due.delete(watched);
    watched.setChecks([]);
    this.ended(watched.group);
  }

  private begin(group: Group): WatchedGroup {
    const watched = new WatchedGroup(group);
    this.groups.set(group, watched);
    this.began(group);
    watched.setChecks(group.checks);
    return watched;
  }

  /** Applies a changed set of checks. A call of `notify` then notifies the subscriptions. */
  select(): void {
    for (const watched of this.groups.values()) watched.setChecks(watched.group.checks);
  }

  /**
   * Notifies the subscriptions of groups that contain `check`, or of all groups. The first subscriptions are notified
   * before this method returns, the others in later turns of the event loop.
   */
  notify(check?: Member): void {
    for (const watched of this.groups.values()) {
      if (check === undefined || watched.group.checks.includes(check)) this.due.add(watched);
    }
    if (!this.isRunning && this.due.size > 0) this.run();
  }

  private readonly run = (): void => {
    this.isRunning = true;
    this.steps ??= this.work();
    for (let budget = TURN_BUDGET; budget > 0; ) {
      const { done, value } = this.steps.next();
      if (done) {
        this.steps = undefined;
        this.isRunning = false;
        return;
      }
      budget -= value as number;
    }
    setImmediate(this.run);
  };

  /** Yields the cost of each step. A group that changes in the meantime is queued again at the end. */
  private *work(): Generator<number, void> {
    for (const watched of this.due) {
      this.due.delete(watched);
      watched.compare();
      yield 1 + watched.group.checks.length;
      if (watched.notifiedVersion === watched.version) continue;
      watched.notifiedVersion = watched.version;
      for (const subscription of watched.subscriptions) {
        watched.notify(subscription);
        yield 1;
      }
    }
  }
}

/** Omits checks that pass, so that adding or removing one of them is not a change. */
function signatureOf(group: Group): string {
  const notPassing = group.checks.filter(({ state }) => state !== 'pass');
  return [
    group.status.state,
    ...notPassing.map(({ name, state, reason, fate }) => `${name} ${state} ${reason ?? ''} ${fate ?? ''}`),
  ].join('\n');
}
