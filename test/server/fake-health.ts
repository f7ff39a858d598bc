import type {
  Answer,
  CachedStatus,
  Health,
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

/** A health whose standing answers and whose answers to questions a test decides. */
export class FakeHealth implements Health {
  readonly instance = 'test-instance';
  /** What readiness stands at; undefined: too old, every PING has to ask. */
  ready: State | undefined = 'pass';
  /** Whether questions are answered at once, and with what. */
  atOnce: State | undefined;
  report: object = { state: 'pass' };
  /** In place of that, where it is not wanted in full. Default: the extent and the state. */
  short: object | undefined;
  failing: { name: string; reason: string }[] = [];
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

  /** Of those that watch: what tells them of a change. */
  readonly watchers = new Set<() => void>();
  /** Changes that have not had their turn: those that watch are told when they notifyIfChanged. */
  pending = new Set<() => void>();

  watch({ checks }: Selection, changed: () => void, maxSelections = Infinity): Subscription | undefined {
    if (checks && this.watchers.size >= maxSelections) return undefined;
    const told = () => changed();
    const answer = () => this.answer(this.ready ?? 'unknown', false);
    this.watchers.add(told);
    return {
      get answer() {
        return answer();
      },
      notifyIfChanged: () => this.pending.delete(told) && changed(),
      end: () => this.watchers.delete(told),
    };
  }

  /** Answers the oldest question, or all of them. */
  settle(state: State, { stale = false, count = 1 } = {}): void {
    for (const { answer } of this.asked.splice(0, count)) answer(this.answer(state, stale));
  }

  private answer(state: State, stale: boolean, late = stale): Answer {
    return {
      state,
      stale,
      late,
      age: 5,
      report: (extent) =>
        Buffer.from(JSON.stringify(extent === 'full' ? this.report : (this.short ?? { extent, state }))),
      failing: () => this.failing,
    };
  }
}
