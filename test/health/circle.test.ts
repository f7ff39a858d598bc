import { describe, expect, it } from '@jest/globals';
import type { Cause, CheckDefinition, CheckResult } from '../../src/health/check.js';
import { Registry } from '../../src/health/query/registry.js';
import { FakeClock } from '../fake-clock.js';
import { defined } from './defined.js';
import { SteadyCheck } from './scripted-check.js';

const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });

/** Like a pingpong check, but without a connection. */
function peerCheck(peer: () => Registry, extent: 'full' | 'chain' = 'full'): CheckDefinition {
  return {
    kind: 'pingpong',
    run: (_signal, _deadline, hops = 0) =>
      new Promise((resolve) => {
        peer().ask({ scope: 'readiness', timeout: 700, hops: hops + 1 }, (answer) => {
          const { instance, state, causes } = JSON.parse(answer.report(extent).toString());
          const status: CheckResult['status'] = ['pass', 'warn', 'fail'].includes(state) ? state : 'unknown';
          resolve({
            status,
            reason: 'dependency',
            causes: causes.map((cause: Cause) => ({ ...cause, via: [...cause.via, instance] })),
          });
        });
      }),
  };
}

/** Services a, b, c, ... in a cycle, each with its own database. */
function circleOf(
  size: number,
  extent: 'full' | 'chain' = 'full',
  more: () => Record<string, CheckDefinition> = () => ({}),
) {
  const clock = new FakeClock();
  const databases = Array.from({ length: size }, () => new SteadyCheck());
  const services: Registry[] = databases.map(
    (db, i) =>
      new Registry({
        clock,
        instance: `service-${i}`,
        checks: defined({ ...more(), db, next: peerCheck(() => services[(i + 1) % size] as Registry, extent) }),
      }),
  );
  for (const service of services) service.start();
  return { clock, databases, states: () => services.map((service) => service.stateOf('readiness')), services };
}

describe.each([
  [2, 'full' as const],
  [3, 'full' as const],
  [3, 'chain' as const],
  [5, 'full' as const],
  [5, 'chain' as const],
])('%i services that check each other in a cycle (%s reports)', (size, extent) => {
  it('all pass while every database passes, although none knew the state of the next one at first', async () => {
    const { clock, states } = circleOf(size, extent);
    await clock.advance(60_000);
    expect(new Set(states())).toEqual(new Set(['pass']));
  });

  it('all fail with one database, and name it as the cause', async () => {
    const { clock, databases, states, services } = circleOf(size, extent);
    await clock.advance(60_000);
    (databases[1] as SteadyCheck).outcome = refused;
    await clock.advance(60_000);
    expect(new Set(states())).toEqual(new Set(['fail']));
    if (extent === 'chain') return;
    for (const service of services) {
      service.ask({ scope: 'readiness', timeout: 0, hops: 0 }, (answer) => {
        const { causes } = JSON.parse(answer.report('full').toString());
        expect(causes).toMatchObject([{ instance: 'service-1', check: 'db', reason: 'refused' }]);
      });
    }
  });

  it('all pass again when that database recovers, so no cycle keeps itself down', async () => {
    const { clock, databases, states } = circleOf(size, extent);
    (databases[1] as SteadyCheck).outcome = refused;
    await clock.advance(60_000);
    (databases[1] as SteadyCheck).outcome = { status: 'pass' };
    await clock.advance(60_000);
    expect(new Set(states())).toEqual(new Set(['pass']));
  });
});

describe.each([2, 3, 5])('%i services in a cycle, each with a minor failure that lasts', (size) => {
  const small: Record<string, () => CheckDefinition> = {
    'a check that warns': () => new SteadyCheck({}, { status: 'warn', reason: 'lag' }),
    'a check that fails and is not critical': () =>
      new SteadyCheck({ critical: false }, { status: 'fail', reason: 'refused' }),
  };

  it.each(Object.keys(small))('all fail with one database, and warn again when it recovers: %s', async (name) => {
    const { clock, databases, states } = circleOf(size, 'full', () => ({
      small: (small[name] as () => CheckDefinition)(),
    }));
    await clock.advance(60_000);
    expect(new Set(states())).toEqual(new Set(['warn']));
    (databases[1] as SteadyCheck).outcome = refused;
    await clock.advance(60_000);
    expect(new Set(states())).toEqual(new Set(['fail']));
    (databases[1] as SteadyCheck).outcome = { status: 'pass' };
    await clock.advance(60_000);
    expect(new Set(states())).toEqual(new Set(['warn']));
  });

  it('fail as long as two databases fail, and as long as one of them does', async () => {
    const warns = () => ({ small: new SteadyCheck({}, { status: 'warn', reason: 'lag' }) });
    const { clock, databases, states } = circleOf(size, 'full', warns);
    for (const database of databases.slice(0, 2)) (database as SteadyCheck).outcome = refused;
    await clock.advance(60_000);
    expect(new Set(states())).toEqual(new Set(['fail']));
    (databases[1] as SteadyCheck).outcome = { status: 'pass' };
    await clock.advance(60_000);
    expect(new Set(states())).toEqual(new Set(['fail']));
    (databases[0] as SteadyCheck).outcome = { status: 'pass' };
    await clock.advance(60_000);
    expect(new Set(states())).toEqual(new Set(['warn']));
  });
});
