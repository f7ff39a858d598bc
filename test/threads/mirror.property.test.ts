import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { CheckResult, CheckSettings } from '../../src/health/check.js';
import { type Query, type Selection, type Subscription, scopes } from '../../src/health/health.js';
import { type Checks, defined } from '../health/defined.js';
import { mirrored, reportOf } from './mirrored.js';

/** The same inputs in each run, so that a failure can be reproduced. */
const seed = 1414;
const names = ['a', 'b', 'c'] as const;
type Name = (typeof names)[number];

const selections: Selection[] = [
  ...scopes.map((scope): Selection => ({ scope })),
  ...['all', 'startup', 'own', 'none'].map((group): Selection => ({ scope: 'readiness', group })),
  { scope: 'startup', checks: ['a'] },
  { scope: 'startup', group: 'own' },
  { scope: 'readiness', checks: ['c', 'b'] },
  { scope: 'readiness', checks: ['none'] },
];

/** Query timeout that is longer than any minInterval. */
const LONG_MS = 1000;
const PASS: CheckResult = { status: 'pass' };

/**
 * A check whose runs end immediately with a result set by the test. If that is undefined, they end when the next result
 * is set.
 */
class Settable {
  kind = 'settable';
  private readonly hanging: ((result: CheckResult) => void)[] = [];

  constructor(
    readonly settings: CheckSettings,
    readonly shared: {
      results: Map<Name, CheckResult | undefined>;
      hanging: Map<Name, ((result: CheckResult) => void)[]>;
    },
    readonly name: Name,
  ) {
    Object.assign(this, settings);
    shared.hanging.set(name, this.hanging);
  }

  run(): Promise<CheckResult> {
    const { results } = this.shared;
    const result = results.has(this.name) ? results.get(this.name) : PASS;
    return result ? Promise.resolve(result) : new Promise((resolve) => this.hanging.push(resolve));
  }
}

const name = fc.constantFrom(...names);
const result = fc.constantFrom<CheckResult | undefined>(
  { status: 'pass' },
  { status: 'warn', reason: 'lag', output: '7 s behind', observedValue: 7, observedUnit: 's' },
  { status: 'fail', reason: 'refused' },
  { status: 'fail', reason: 'timeout', output: 'no answer' },
  undefined,
);
const settings: fc.Arbitrary<CheckSettings> = fc.record(
  {
    interval: fc.constantFrom(0, 500, 5000),
    minInterval: fc.constantFrom(1, 300),
    maxAge: fc.constantFrom(0, 200, 2000, 60_000),
    timeout: fc.constantFrom(100, 3000),
    critical: fc.boolean(),
    groups: fc.constantFrom(['readiness', 'startup'], ['own'], ['own', 'readiness']),
    rise: fc.constantFrom(1, 3),
    fall: fc.constantFrom(1, 2),
  },
  { requiredKeys: ['minInterval'] },
);
const configuration = fc.record({
  checks: fc.uniqueArray(fc.tuple(name, settings), { selector: ([of]) => of, minLength: 0 }),
  serviceId: fc.constantFrom('shop', 'cart'),
  staleLimit: fc.constantFrom(1000, 30_000),
  startupGrace: fc.constantFrom(500, 60_000),
});
interface Asked extends Pick<Query, 'maxAge' | 'timeout' | 'hops'> {
  selection: Selection;
}

const query = fc.record({
  selection: fc.constantFrom(...selections),
  maxAge: fc.constantFrom(undefined, 0, 100, 5000),
  timeout: fc.constantFrom(0, 50, LONG_MS),
  hops: fc.constantFrom(0, 1),
});
const action = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('result' as const), name, result) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('query' as const), query) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('advance' as const), fc.constantFrom(0, 40, 900, 6000, 31_000)) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('reload' as const), configuration) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('watch' as const), fc.constantFrom(...selections)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('end' as const)) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('block' as const, 'unblock' as const)) },
);

function checksOf(
  { checks }: { checks: readonly (readonly [Name, CheckSettings])[] },
  shared: Settable['shared'],
): Checks {
  return Object.fromEntries(checks.map(([of, own]) => [of, new Settable(own, shared, of)]));
}

/** What a subscriber currently sees. Reading it starts no run. */
function seenBy({ answer }: Subscription): object {
  const { state, age } = answer;
  return { state, age, failing: answer.failing(), report: reportOf(answer) };
}

it('a mirror gives the same answers as its registry when all messages have arrived, and answers each query once', async () => {
  const property = fc.asyncProperty(
    configuration,
    fc.array(action, { maxLength: 14, size: 'max' }),
    fc.boolean(),
    fc.boolean(),
    async (first, actions, drains, isPrompt) => {
      const shared: Settable['shared'] = { results: new Map(), hanging: new Map() };
      const { checks: _, ...options } = first;
      const parts = await mirrored(checksOf(first, shared), options);
      const { registry, mirror, clock, block, unblock } = parts;
      registry.start();
      const asked: { answers: number; timeout: number; deadline: number; answeredAt: number; stale: boolean }[] = [];
      const watches: { ofRegistry: Subscription; ofMirror: Subscription; notified: string[] }[] = [];

      const watch = (selection: Selection) => {
        const ofRegistry = registry.watch(selection, () => {});
        const ofMirror = mirror.watch(selection, () => notified.push(ofMirror.answer.state)) as Subscription;
        const notified: string[] = [ofMirror.answer.state];
        watches.push({ ofRegistry, ofMirror, notified });
      };
      const end = (watch: (typeof watches)[number] | undefined) => {
        watch?.ofRegistry.end();
        watch?.ofMirror.end();
      };
      const ask = ({ selection, maxAge, timeout, hops }: Asked) => {
        const own = { answers: 0, timeout, deadline: clock.now() + timeout, answeredAt: 0, stale: false };
        asked.push(own);
        mirror.ask({ ...selection, timeout, hops, ...(maxAge !== undefined && { maxAge }) }, ({ stale }) => {
          own.answers++;
          own.answeredAt = clock.now();
          own.stale = stale;
        });
      };

      for (const [kind, ...args] of [...actions, ...(drains ? ([['drain']] as const) : [])]) {
        switch (kind) {
          case 'result': {
            const [of, set] = args as [Name, CheckResult | undefined];
            if (isPrompt && !set) break;
            shared.results.set(of, set);
            if (set) for (const resolve of shared.hanging.get(of)?.splice(0) ?? []) resolve(set);
            break;
          }
          case 'query':
            ask(args[0] as Asked);
            break;
          case 'advance':
            await clock.advance(args[0] as number);
            mirror.expire();
            break;
          case 'reload': {
            const { checks: __, ...other } = args[0] as typeof first;
            registry.reload({ checks: defined(checksOf(args[0] as typeof first, shared)), ...other });
            break;
          }
          case 'watch':
            watch(args[0] as Selection);
            break;
          case 'end':
            end(watches.pop());
            break;
          case 'drain':
            registry.drain();
            break;
          default:
            if (!isPrompt) (kind === 'block' ? block : unblock)();
        }
      }
      unblock();
      for (const selection of selections) ask({ selection, maxAge: 0, timeout: LONG_MS, hops: 0 });
      await clock.advance(LONG_MS);
      for (const selection of selections) watch(selection);
      // Longer than the lifetime of a cached report, the timeout of a query, and the spread of notifications.
      await clock.advance(1100);
      expect(asked.map(({ answers }) => answers)).toEqual(asked.map(() => 1));
      for (const { answeredAt, deadline, stale, timeout } of isPrompt ? asked : []) {
        // If no check hangs and no message is delayed, the runs end long before the deadline.
        if (timeout === LONG_MS) expect([stale, answeredAt < deadline]).toEqual([false, true]);
      }
      for (const { ofRegistry, ofMirror, notified } of watches) {
        expect(seenBy(ofMirror)).toEqual(seenBy(ofRegistry));
        expect(notified.at(-1)).toBe(ofRegistry.answer.state);
      }
      for (const scope of scopes) expect(mirror.cachedStatus(scope)).toEqual(registry.cachedStatus(scope));
      for (const watch of watches) end(watch);
      void registry.stop();
      await clock.advance(1100);
    },
  );
  await fc.assert(property, { seed, numRuns: 300 });
}, 60_000);
