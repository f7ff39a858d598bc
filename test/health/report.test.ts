import { describe, expect, it } from '@jest/globals';
import type { Cause, CheckResult } from '../../src/health/check.js';
import { settle } from '../fake-clock.js';
import { registryOf } from './asking.js';
import { ScriptedCheck, SteadyCheck } from './scripted-check.js';

const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });

describe('the report', () => {
  it('contains everything about each check', async () => {
    const db = new ScriptedCheck({ componentType: 'datastore', groups: ['readiness', 'web'] });
    const { registry, clock, ask } = registryOf({ db }, { serviceId: 'shop', releaseId: '1.2' });
    registry.start();
    await clock.advance(12.34);
    db.last.result({ status: 'warn', reason: 'lag', output: 'behind', observedValue: 3.5, observedUnit: 's' });
    await clock.advance(100);
    expect(ask().report()).toEqual({
      status: 'warn',
      state: 'warn',
      instance: 'me',
      serviceId: 'shop',
      releaseId: '1.2',
      time: '2026-01-01T00:00:00.112Z',
      causes: [
        { instance: 'me', service: 'shop', via: [], check: 'db', state: 'warn', reason: 'lag', output: 'behind' },
      ],
      checks: {
        db: [
          {
            status: 'warn',
            state: 'warn',
            componentType: 'datastore',
            time: '2026-01-01T00:00:00.000Z',
            observedValue: 3.5,
            observedUnit: 's',
            output: 'behind',
            reason: 'lag',
            ageMs: 112,
            durationMs: 12.3,
            since: '2026-01-01T00:00:00.012Z',
            critical: true,
            groups: ['readiness', 'web'],
            passes: 1,
            fails: 0,
            rise: 1,
            fall: 1,
          },
        ],
      },
    });
  });

  it('shows a check that never ran as unknown, which readers of the standard see as fail', async () => {
    const { clock, ask } = registryOf({ db: new ScriptedCheck() });
    await clock.advance(50);
    const report = ask({ timeout: 0 }).report();
    expect(report).toMatchObject({ status: 'fail', state: 'unknown' });
    expect(report.causes).toEqual([
      {
        instance: 'me',
        via: [],
        check: 'db',
        state: 'unknown',
        reason: 'never-ran',
        output: 'no recent result',
      },
    ]);
    expect(report.checks.db[0]).toMatchObject({ status: 'fail', state: 'unknown', reason: 'never-ran' });
    for (const key of ['time', 'ageMs', 'stale']) expect(report.checks.db[0]).not.toHaveProperty(key);
  });

  it('marks a result beyond the max age of its check as stale', async () => {
    const { registry, clock, ask } = registryOf({ db: new SteadyCheck({ interval: 0 }) });
    registry.start();
    await clock.advance(1000);
    expect(ask({ timeout: 0 }).report().checks.db[0].stale).toBeUndefined();
    await clock.advance(300);
    const { stale, ageMs } = ask({ timeout: 0 }).report().checks.db[0];
    expect([stale, ageMs]).toEqual([true, 1300]);
  });

  it('shows the state after rise and fall, and the counters', async () => {
    const db = new SteadyCheck({ fall: 3 });
    const { registry, clock, ask } = registryOf({ db });
    registry.start();
    await clock.advance(1);
    db.outcome = refused;
    await clock.advance(10_000);
    const report = ask({ timeout: 0 }).report();
    expect(report).toMatchObject({ state: 'pass', causes: [] });
    expect(report.checks.db[0]).toMatchObject({ state: 'pass', passes: 0, fails: 2, ageMs: 1 });
    expect(report.checks.db[0].output).toBeUndefined();
    await clock.advance(5000);
    expect(ask({ timeout: 0 }).report().checks.db[0]).toMatchObject({ state: 'fail', reason: 'refused', fails: 3 });
  });

  it('is serialized at most once per 250 ms while nothing changes, for any number of requests', async () => {
    const { registry, clock, ask } = registryOf({ db: new SteadyCheck({ maxAge: 10_000 }) });
    registry.start();
    await clock.advance(1);
    const first = ask().answer?.report('full');
    await clock.advance(249);
    expect(ask().answer?.report('full')).toBe(first);
    expect(ask({ group: 'readiness' }).answer?.report('full')).toBe(first);
    expect(ask({ checks: ['db'] }).answer?.report('full')).toBe(ask({ checks: ['db', 'db'] }).answer?.report('full'));
    await clock.advance(1);
    expect(ask().answer?.report('full')).not.toBe(first);
  });

  it('is serialized again immediately after a new result', async () => {
    const db = new SteadyCheck();
    const { registry, clock, ask } = registryOf({ db });
    registry.start();
    await clock.advance(100);
    expect(ask().report()).toMatchObject({ state: 'pass' });
    db.outcome = refused;
    const asked = ask({ maxAge: 0 });
    await settle();
    expect(asked.report()).toMatchObject({ state: 'fail', causes: [{ reason: 'refused' }] });
    registry.drain();
    expect(ask().report().state).toBe('draining');
  });

  it('caches a bounded number of selections, and answers each one', async () => {
    const names = Array.from({ length: 100 }, (_, i) => `check-${i}`);
    const { registry, clock, ask } = registryOf(
      Object.fromEntries(names.map((name) => [name, new SteadyCheck({ maxAge: 60_000 })])),
    );
    registry.start();
    await clock.advance(1);
    const first = ask({ checks: ['check-0'] }).answer?.report('full');
    expect(ask({ checks: ['check-0'] }).answer?.report('full')).toBe(first);
    const others = names.slice(1);
    for (const name of others) {
      expect(Object.keys(ask({ checks: [name] }).report().checks)).toEqual([name]);
      expect(ask({ checks: ['check-0'] }).answer?.report('full')).toBe(first);
    }
    for (const name of others) ask({ checks: [name] }).report();
    expect(ask({ checks: ['check-0'] }).answer?.report('full')).not.toBe(first);
  });

  it('omits the checks, or everything except the instances, on request', async () => {
    const { registry, clock, ask } = registryOf({ db: new SteadyCheck({}, refused) }, { serviceId: 'shop' });
    registry.start();
    await clock.advance(1);
    const full = ask().report();
    const { checks, ...rest } = full;
    expect(ask().report('causes')).toEqual(rest);
    expect(ask().report('chain')).toEqual({ instance: 'me', state: 'fail', causes: [{ instance: 'me', via: [] }] });
  });

  it('accepts any check name', async () => {
    const { registry, clock, ask } = registryOf({ ['__proto__']: new SteadyCheck(), toString: new SteadyCheck() });
    registry.start();
    await clock.advance(1);
    expect(ask().answer?.report('full').toString()).toContain('"__proto__":[');
    expect(ask({ checks: ['constructor'] }).state).toBe('not-found');
  });
});

describe('causes', () => {
  const remote = (causes: CheckResult['causes']) =>
    new SteadyCheck({ kind: 'pingpong' }, { status: 'fail', reason: 'dependency', causes: causes ?? [] });

  it('are the leaves: the causes of another responder replace the check that queries it', async () => {
    const leaf = {
      ...{ instance: 'c', via: ['c', 'b'], check: 'db', target: 'redis://h:1' },
      ...{ reason: 'refused', output: 'x' },
    };
    const { registry, clock, ask } = registryOf({
      peer: remote([leaf, { instance: 'me', via: ['b'], check: 'own' }]),
      silent: new SteadyCheck({ target: 'pong://p:1' }, { status: 'fail', reason: 'dependency' }),
      fine: new SteadyCheck(),
    });
    registry.start();
    await clock.advance(1);
    expect(ask().report().causes).toEqual([
      { ...leaf, through: 'peer' },
      {
        instance: 'me',
        via: [],
        check: 'silent',
        target: 'pong://p:1',
        state: 'fail',
        reason: 'dependency',
        output: '',
      },
    ]);
  });

  it('have the effect on this service: an optional check limits a remote failure to warn', async () => {
    const far = { instance: 'c', via: ['b'], check: 'db', reason: 'refused', state: 'fail' as const };
    const own = new SteadyCheck({ critical: false }, { status: 'fail', reason: 'refused' });
    const optional = new SteadyCheck(
      { kind: 'pingpong', critical: false },
      { status: 'fail', reason: 'dependency', causes: [far] },
    );
    const { registry, clock, ask } = registryOf({ own, optional, critical: remote([{ ...far, check: 'disk' }]) });
    registry.start();
    await clock.advance(1);
    const { causes } = ask().report();
    expect(causes.map(({ check, state }: Cause) => `${check} ${state}`).sort()).toEqual([
      'db warn',
      'disk fail',
      'own warn',
    ]);
  });

  it('are sorted worst first, including those of optional checks', async () => {
    const { registry, clock, ask } = registryOf({
      warns: new SteadyCheck({}, { status: 'warn' }),
      optional: new SteadyCheck({ critical: false }, refused),
      unsure: new SteadyCheck({}, { status: 'unknown', reason: 'dependency' }),
      fails: new SteadyCheck({}, refused),
    });
    registry.start();
    await clock.advance(1);
    const { causes } = ask().report();
    expect(causes.map(({ check }: { check: string }) => check)).toEqual(['optional', 'fails', 'unsure', 'warns']);
  });

  it('are at most 32, and fit in a PONG', async () => {
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`c${i}`, new SteadyCheck({}, refused)]));
    const { registry, clock, ask } = registryOf(many);
    registry.start();
    await clock.advance(1);
    expect(ask().report().causes).toHaveLength(32);
    const huge = { instance: '€'.repeat(64), via: Array(32).fill('€'.repeat(64)), output: '€'.repeat(200) };
    const other = registryOf({ peer: remote(Array(32).fill(huge)) });
    other.registry.start();
    await other.clock.advance(1);
    const { causes } = other.ask().report();
    expect(causes.length).toBeGreaterThan(0);
    expect(other.ask().answer?.report('causes').length).toBeLessThan(65_536);
  });
});

describe('secrets', () => {
  it('of any check are in no report, transition or failure text', async () => {
    const secret = 's3cr3t/p@ss';
    const notified: unknown[] = [];
    const db = new ScriptedCheck({ secrets: [secret] });
    const { registry, clock, ask } = registryOf({
      db,
      other: new SteadyCheck({}, new Error(`also knows ${secret}`, { cause: new Error(secret) })),
      warns: new SteadyCheck(
        {},
        { status: 'warn', output: encodeURIComponent(secret), observedValue: { dsn: secret } },
      ),
    });
    registry.onTransition((transition) => notified.push(transition));
    registry.start();
    db.last.fail(new Error(`mysql://app:${encodeURIComponent(secret)}@db refused ${secret}`));
    await clock.advance(1);
    const seen = [
      ask({ group: 'all' }).answer?.report('full').toString(),
      ask().answer?.report('causes').toString(),
      ask().answer?.report('chain').toString(),
      JSON.stringify(notified),
      JSON.stringify(ask().answer?.failing()),
    ].join('\n');
    expect(seen).not.toContain(secret);
    expect(seen).not.toContain(encodeURIComponent(secret));
    expect(seen).toContain('***');
  });
});
