import type { Subject } from '../../src/cli/conformance/play.js';
import type { Wanted } from '../../src/cli/conformance/session.js';
import { systemClock } from '../../src/common/clock.js';
import { silentLog } from '../../src/common/log.js';
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
import { Registry } from '../../src/health/query/registry.js';
import type { State } from '../../src/health/state.js';
import { Server } from '../../src/server/server.js';
import { defaultServerSettings } from '../../src/server/settings.js';
import { defined } from '../health/defined.js';
import { portOf } from '../server/harness.js';

/** A health that a test declares to be that of a service with a blocked event loop (SPEC "A blocked event loop"). */
class BlockableHealth implements Health {
  private isBlocked = false;
  /** Each calls the subscriber if the block has changed what it sees. */
  private readonly watches = new Set<() => void>();

  constructor(
    private readonly registry: Registry,
    private readonly limits: Readonly<Record<'readinessStall' | 'livenessStall', number>>,
  ) {}

  get instance(): string {
    return this.registry.instance;
  }

  block(on: boolean): void {
    this.isBlocked = on;
    for (const notify of this.watches) notify();
  }

  cachedStatus(scope: Scope): CachedStatus {
    const cached = this.registry.cachedStatus(scope);
    const state = this.stateOf(scope, cached.state);
    return state === cached.state ? cached : { state, freshUntil: Infinity, since: Infinity };
  }

  ask(query: Query, answer: (answer: Answer) => void): Withdraw {
    const timeout = this.stateOf(query.scope, 'pass') === 'fail' ? 0 : query.timeout;
    return this.registry.ask({ ...query, timeout }, (known) => answer(this.withLoop(query.scope, known)));
  }

  watch(selection: Selection, changed: () => void): Subscription {
    const subscription = this.registry.watch(selection, () => notify());
    const answer = () => this.withLoop(selection.scope, subscription.answer);
    let before = answer().state;
    const notify = () => {
      const { state } = answer();
      if (state !== before) changed();
      before = state;
    };
    this.watches.add(notify);
    return {
      get answer() {
        return answer();
      },
      notifyIfChanged: () => subscription.notifyIfChanged(),
      end: () => {
        this.watches.delete(notify);
        subscription.end();
      },
    };
  }

  private stateOf(scope: Scope, known: State): State {
    const limit = { readiness: this.limits.readinessStall, liveness: this.limits.livenessStall, startup: 0 }[scope];
    return this.isBlocked && limit > 0 && known !== 'draining' && known !== 'not-found' ? 'fail' : known;
  }

  private withLoop(scope: Scope, known: Answer): Answer {
    const state = this.stateOf(scope, known.state);
    if (state === known.state) return known;
    const { instance } = this;
    const cause = {
      instance,
      via: [],
      check: 'event-loop',
      state,
      reason: 'loop-blocked',
      output: 'blocked since now',
    };
    return {
      ...known,
      state,
      stale: false,
      late: false,
      report: (detail) => {
        const report = JSON.parse(known.report(detail).toString());
        return Buffer.from(JSON.stringify({ ...report, state, status: 'fail', causes: [cause, ...report.causes] }));
      },
      failing: () => [{ name: 'event-loop', reason: 'loop-blocked' }, ...known.failing()],
    };
  }
}

/** A responder whose health says that the event loop is blocked, from the operator step `block` to `unblock`. */
export async function startBlockable({ checks = {}, loop }: Wanted): Promise<Subject & { stop(): Promise<void> }> {
  const registry = new Registry({
    checks: defined(
      Object.fromEntries(Object.keys(checks).map((name) => [name, async () => ({ status: 'pass' as const })])),
    ),
  });
  registry.start();
  const health = new BlockableHealth(registry, { readinessStall: 0, livenessStall: 0, ...loop });
  const server = new Server({ health, clock: systemClock, log: silentLog, settings: defaultServerSettings });
  const host = '127.0.0.1';
  const port = portOf(await server.listen({ kind: 'tcp', host, port: 0 }));
  // The first results, without which readiness would not pass.
  await new Promise<void>((resolve) => {
    registry.ask({ scope: 'readiness', timeout: 10_000, hops: 0 }, () => resolve());
  });
  return {
    host,
    port,
    operate: ({ operator }) => (operator === 'drain' ? registry.drain() : health.block(operator === 'block')),
    stop: async () => {
      await server.close();
      await registry.stop();
    },
  };
}
