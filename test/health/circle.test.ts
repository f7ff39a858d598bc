import { describe, expect, it } from '@jest/globals';
import type { Cause, CheckDefinition, CheckResult } from '../../src/health/check.js';
import { Registry } from '../../src/health/registry.js';
import { FakeClock } from '../fake-clock.js';
import { SteadyCheck } from './scripted-check.js';

const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });

/** What a check of another responder does, without the wire between. */
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

/** Services a, b, c, ... in a circle, each with a database of its own. */
function circleOf(size: number, extent: 'full' | 'chain' = 'full') {
  const clock = new FakeClock();
  const databases = Array.from({ length: size }, () => new SteadyCheck());
  const services: Registry[] = databases.map(
    (db, i) =>
      new Registry({
        clock,
        instance: `service-${i}`,
        checks: { db, next: peerCheck(() => services[(i + 1) % size] as Registry, extent) },
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
])('%i services that check each other in a circle (%s reports)', (size, extent) => {
  it('are all well when all databases are, although none knew anything of the next at first', async () => {
    const { clock, states } = circleOf(size, extent);
    await clock.advance(60_000);
    expect(new Set(states())).toEqual(new Set(['pass']));
  });

  it('are all down with one database, and name it', async () => {
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

  it('are all well again when that database is: no circle keeps itself down', async () => {
    const { clock, databases, states } = circleOf(size, extent);
    (databases[1] as SteadyCheck).outcome = refused;
    await clock.advance(60_000);
    (databases[1] as SteadyCheck).outcome = { status: 'pass' };
    await clock.advance(60_000);
    expect(new Set(states())).toEqual(new Set(['pass']));
  });
});
