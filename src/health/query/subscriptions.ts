import { callSafely } from '../../common/call-safely.js';
import type { Answer, CachedStatus, Watched } from '../health.js';
import type { Monitor } from '../runs/monitor.js';
import type { View } from './group.js';

/** Work of one turn of the event loop: 1 for each check that is compared, 1 for each watcher that is notified. */
const TURN_BUDGET = 2048;

/** A subscription to a view. A class without closures, because there are many. */
class Watcher implements Watched {
  /** Version of the view at the last notification. */
  version: number;

  constructor(
    readonly watched: WatchedView,
    readonly changed: () => void,
    private readonly watches: Watches,
  ) {
    this.version = watched.version;
  }

  get answer(): Answer {
    return this.watched.view.answer(false);
  }

  look(): void {
    const { watched } = this;
    watched.look();
    if (watched.watchers.has(this)) watched.notify(this);
  }

  end(): void {
    this.watches.delete(this);
  }
}

/** A view with at least one watcher. */
class WatchedView {
  readonly watchers = new Set<Watcher>();
  /** Rises with each change. */
  version = 0;
  /** The latest version for which the notification of all watchers has begun. */
  notifiedVersion = 0;
  private standing: CachedStatus;
  private outlook: string;
  /** Those that run because they are watched here. */
  private checks: readonly Monitor[] = [];

  constructor(readonly view: View) {
    this.standing = view.current();
    this.outlook = outlookOf(view);
  }

  /** Watches these checks, and no others any more. */
  count(checks: readonly Monitor[]): void {
    const before = this.checks;
    this.checks = checks;
    for (const check of checks) if (!before.includes(check)) check.watch();
    for (const check of before) if (!checks.includes(check)) check.cancelWatches();
  }

  /** Compares the view with what it was at the last call. */
  look(): void {
    const { view } = this;
    if (view.current() === this.standing) return;
    this.standing = view.standing;
    const outlook = outlookOf(view);
    if (outlook === this.outlook) return;
    this.outlook = outlook;
    this.version++;
  }

  /** Notifies `watcher` unless it has been notified of this version. */
  notify(watcher: Watcher): void {
    if (watcher.version === this.version) return;
    watcher.version = this.version;
    callSafely(watcher.changed);
  }
}

/**
 * Who wants to hear of each change of a view: of its state, or of the state or
 * reason of one of its checks. Those go on being run meanwhile; what that costs
 * does not depend on how many watch.
 */
export class Watches {
  private readonly views = new Map<View, WatchedView>();
  /** Views that may have changed, in the order in which they are compared. */
  private readonly due = new Set<WatchedView>();
  private steps: Iterator<number, void> | undefined;
  private isRunning = false;

  constructor(
    private readonly began: (view: View) => void,
    private readonly ended: (view: View) => void,
  ) {}

  add(view: View, changed: () => void): Watched {
    const watched = this.views.get(view) ?? this.begin(view);
    // A new watcher begins with the current version.
    watched.look();
    const watcher = new Watcher(watched, changed, this);
    watched.watchers.add(watcher);
    return watcher;
  }

  delete(watcher: Watcher): void {
    const { watched } = watcher;
    if (!watched.watchers.delete(watcher) || watched.watchers.size > 0) return;
    this.views.delete(watched.view);
    this.due.delete(watched);
    watched.count([]);
    this.ended(watched.view);
  }

  private begin(view: View): WatchedView {
    const watched = new WatchedView(view);
    this.views.set(view, watched);
    this.began(view);
    watched.count(view.checks);
    return watched;
  }

  /** Other checks are selected than before. `look` notifies the watchers. */
  select(): void {
    for (const watched of this.views.values()) watched.count(watched.view.checks);
  }

  /**
   * `check`, or anything, may have changed. The first watchers are notified before this returns, the others in later
   * turns of the event loop.
   */
  look(check?: Monitor): void {
    for (const watched of this.views.values()) {
      if (check === undefined || watched.view.checks.includes(check)) this.due.add(watched);
    }
    if (!this.isRunning && this.due.size > 0) this.run();
  }

  private readonly run = (): void => {
    this.isRunning = true;
    this.steps ??= this.work();
    for (let left = TURN_BUDGET; left > 0; ) {
      const { done, value } = this.steps.next();
      if (done) {
        this.steps = undefined;
        this.isRunning = false;
        return;
      }
      left -= value as number;
    }
    setImmediate(this.run);
  };

  /** Yields the work of each step. A view that changes again meanwhile goes to the end of the queue. */
  private *work(): Generator<number, void> {
    for (const watched of this.due) {
      this.due.delete(watched);
      watched.look();
      yield 1 + watched.view.checks.length;
      if (watched.notifiedVersion === watched.version) continue;
      watched.notifiedVersion = watched.version;
      for (const watcher of watched.watchers) {
        watched.notify(watcher);
        yield 1;
      }
    }
  }
}

/** Without the checks that pass, so that a reload that adds or removes one of these is no change. */
function outlookOf(view: View): string {
  const notPassing = view.checks.filter(({ state }) => state !== 'pass');
  return [view.standing.state, ...notPassing.map(({ name, state, reason }) => `${name} ${state} ${reason ?? ''}`)].join(
    '\n',
  );
}
