import type { Answer, Standing, Watched } from './health.js';
import { isolate } from './isolate.js';
import type { Monitor } from './monitor.js';
import type { View } from './view.js';

/** What is done in one turn of the loop: one for each check that is looked at, and for each watcher that is told. */
const TURN_BUDGET = 2048;

/** One of those who watch a view; a class, because there are many. */
class Watcher implements Watched {
  /** Of the view, when it was told last. */
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
    if (watched.watchers.has(this)) watched.tell(this);
  }

  end(): void {
    this.watches.delete(this);
  }
}

/** A view that somebody watches. */
class WatchedView {
  readonly watchers = new Set<Watcher>();
  /** Rises with each change. */
  version = 0;
  /** The version of which all were told, or are being told. */
  toldVersion = 0;
  private standing: Standing;
  private outlook: string;

  constructor(readonly view: View) {
    this.standing = view.current();
    this.outlook = outlookOf(view);
  }

  /** Looks whether it has changed since it was looked at last. */
  look(): void {
    const { view } = this;
    if (view.current() === this.standing) return;
    this.standing = view.standing;
    const outlook = outlookOf(view);
    if (outlook === this.outlook) return;
    this.outlook = outlook;
    this.version++;
  }

  /** Tells `watcher` unless it knows already. */
  tell(watcher: Watcher): void {
    if (watcher.version === this.version) return;
    watcher.version = this.version;
    isolate(watcher.changed);
  }
}

/**
 * Who wants to hear of each change of a view: of its state, or of the state or
 * reason of one of its checks. Those go on being run meanwhile; what that costs
 * does not depend on how many watch.
 */
export class Watches {
  private readonly views = new Map<View, WatchedView>();
  /** Those that may have changed, the first one next. */
  private readonly due = new Set<WatchedView>();
  private steps: Iterator<number, void> | undefined;
  private isRunning = false;

  constructor(
    private readonly began: (view: View) => void,
    private readonly ended: (view: View) => void,
  ) {}

  add(view: View, changed: () => void): Watched {
    const watched = this.views.get(view) ?? this.begin(view);
    // What is new to the others is not to one that comes now.
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
    this.ended(watched.view);
  }

  private begin(view: View): WatchedView {
    const watched = new WatchedView(view);
    this.views.set(view, watched);
    this.began(view);
    return watched;
  }

  /** Something may be other than before: `check`, or anything. The first are told before it returns, the others in later turns. */
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

  /** Yields what each step took. A view that changes meanwhile is due once more, behind the others. */
  private *work(): Generator<number, void> {
    for (const watched of this.due) {
      this.due.delete(watched);
      watched.look();
      yield 1 + watched.view.checks.length;
      if (watched.toldVersion === watched.version) continue;
      watched.toldVersion = watched.version;
      for (const watcher of watched.watchers) {
        watched.tell(watcher);
        yield 1;
      }
    }
  }
}

function outlookOf(view: View): string {
  return [view.standing.state, ...view.checks.map(({ state, reason }) => `${state} ${reason ?? ''}`)].join('\n');
}
