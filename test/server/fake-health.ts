import type {
  Answer,
  CachedStatus,
  FailingCheck,
  Health,
  OwnResult,
  Query,
  Scope,
  Selection,
  Subscription,
  Withdraw,
} from '../../src/health/health.js';
import type { State } from '../../src/health/state.js';

interface PendingRequest {
  query: Query;
  answer: (answer: Answer) => void;
}

/** A health whose cached statuses and answers are set by a test. */
export class FakeHealth implements Health {
  readonly instance = 'test-instance';
  /** Cached status of readiness. Undefined: no cached status is fresh, so each PING queries the health. */
  ready: State | undefined = 'pass';
  /** State with which requests are answered immediately. Undefined: requests wait for `settle`. */
  atOnce: State | undefined;
  report: object = { state: 'pass' };
  /** Report at levels other than `full`. Default: the level and the state. */
  short: object | undefined;
  failing: FailingCheck[] = [];
  readonly asked: PendingRequest[] = [];
  withdrawn = 0;

  cachedStatus(scope: Scope): CachedStatus {
    if (scope === 'liveness') return { state: 'pass', freshUntil: Infinity, since: Infinity };
    const state = this.ready ?? 'unknown';
    return { state, freshUntil: this.ready === undefined ? -Infinity : Infinity, since: Infinity };
  }

  ask(query: Query, answer: (answer: Answer) => void): Withdraw {
    if (this.atOnce !== undefined || query.timeout === 0) {
      answer(this.answer(this.atOnce ?? 'unknown', this.atOnce === undefined, false));
      return () => {};
    }
    const asked = { query, answer };
    this.asked.push(asked);
    return () => {
      const at = this.asked.indexOf(asked);
      if (at >= 0) this.asked.splice(at, 1);
      this.withdrawn++;
    };
  }

  /** Latest results by check name. */
  readonly owned = new Map<string, OwnResult>();

  own(check: string): OwnResult | undefined {
    return this.owned.get(check);
  }

  /** Callbacks of the open subscriptions. */
  readonly watchers = new Set<() => void>();
  /** Callbacks of changes whose notification is still scheduled. `notifyIfChanged` calls them earlier. */
  pending = new Set<() => void>();

  watch({ checks }: Selection, changed: () => void, maxSelections = Infinity): Subscription | undefined {
    if (checks && this.watchers.size >= maxSelections) return undefined;
    const notify = () => changed();
    const answer = () => this.answer(this.ready ?? 'unknown', false);
    this.watchers.add(notify);
    return {
      get answer() {
        return answer();
      },
      notifyIfChanged: () => this.pending.delete(notify) && changed(),
      end: () => this.watchers.delete(notify),
    };
  }

  /** Answers the oldest pending requests. */
  settle(state: State, { stale = false, count = 1 } = {}): void {
    for (const { answer } of this.asked.splice(0, count)) answer(this.answer(state, stale));
  }

  private answer(state: State, stale: boolean, late = stale): Answer {
    return {
      state,
      stale,
      late,
      age: 5,
      report: (level) =>
        Buffer.from(JSON.stringify(level === 'full' ? this.report : (this.short ?? { extent: level, state }))),
      failing: () => this.failing,
    };
  }
}
