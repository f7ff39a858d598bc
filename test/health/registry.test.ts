import { describe, expect, it, jest } from '@jest/globals';
import { Registry, type Transition } from '../../src/health/query/registry.js';
import { FakeClock, settle } from '../fake-clock.js';
import { registryOf } from './asking.js';
import { defined } from './defined.js';
import { ScriptedCheck, SteadyCheck } from './scripted-check.js';

const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });

describe('background runs', () => {
  it('start immediately, and repeat at the interval', async () => {
    const db = new SteadyCheck();
    const { registry, clock } = registryOf({ db });
    expect(db.runs).toBe(0);
    registry.start();
    expect(db.runs).toBe(1);
    await clock.advance(4999);
    expect(db.runs).toBe(1);
    await clock.advance(1);
    expect(db.runs).toBe(2);
    await clock.advance(50_000);
    expect(db.runs).toBe(12);
  });

  it('are scheduled from the last run, regardless of what requested it', async () => {
    const db = new SteadyCheck();
    const { registry, clock, ask } = registryOf({ db });
    registry.start();
    await clock.advance(3000);
    ask();
    expect(db.runs).toBe(2);
    await clock.advance(4999);
    expect(db.runs).toBe(2);
    await clock.advance(1);
    expect(db.runs).toBe(3);
  });

  it.each([
    [0, 5000],
    [0.5, 4375],
    [0.999999, 3750.005],
  ])('start up to a quarter early: with %p after %p ms', async (random, due) => {
    const db = new SteadyCheck();
    const { registry, clock } = registryOf({ db }, { random: () => random });
    registry.start();
    await clock.advance(due - 1);
    expect(db.runs).toBe(1);
    await clock.advance(1);
    expect(db.runs).toBe(2);
  });

  it('are not queued behind a run that was requested just before', async () => {
    const db = new ScriptedCheck();
    const { registry, clock, ask } = registryOf({ db });
    registry.start();
    db.last.pass();
    await clock.advance(4900);
    ask();
    await clock.advance(300);
    db.last.pass();
    await clock.advance(1000);
    expect(db.runs).toHaveLength(2);
  });

  it('are scheduled from the start of a run, so that slow runs cause no delay', async () => {
    const db = new ScriptedCheck({ timeout: 2000, interval: 1000 });
    const { registry, clock } = registryOf({ db });
    registry.start();
    await clock.advance(700);
    db.last.pass();
    await clock.advance(299);
    expect(db.runs).toHaveLength(1);
    await clock.advance(1);
    expect(db.runs).toHaveLength(2);
    await clock.advance(1500);
    db.last.pass();
    await clock.advance(0);
    expect(db.runs).toHaveLength(3);
  });

  it('do not happen with interval 0, except the first', async () => {
    const db = new SteadyCheck({ interval: 0 });
    const { registry, clock } = registryOf({ db });
    registry.start();
    await clock.advance(600_000);
    expect(db.runs).toBe(1);
  });

  it('keep results fresh at an explicit interval, so that no caller waits', async () => {
    const db = new ScriptedCheck({ interval: 2000, timeout: 500 });
    const { registry, clock, ask } = registryOf({ db });
    registry.start();
    db.last.pass();
    await clock.advance(2000);
    for (let round = 0; round < 5; round++) {
      await clock.advance(499);
      expect(ask()).toMatchObject({ answers: 1, answer: { stale: false } });
      db.last.pass();
      await clock.advance(1501);
    }
  });

  it('detect a failure without any request', async () => {
    const db = new SteadyCheck();
    const { registry, clock } = registryOf({ db });
    registry.start();
    await settle();
    expect(registry.stateOf('readiness')).toBe('pass');
    db.outcome = refused;
    await clock.advance(5000);
    expect(registry.stateOf('readiness')).toBe('fail');
    expect(registry.checks[0]).toMatchObject({ state: 'fail', reason: 'refused' });
  });
});

describe('groups', () => {
  const failing = () => new SteadyCheck({}, refused);

  it('are readiness by default, and always all', async () => {
    const { registry } = registryOf({ a: new SteadyCheck(), b: new SteadyCheck({ groups: ['web', 'readiness'] }) });
    expect(registry.groups()).toEqual(['readiness', 'startup', 'all', 'web']);
  });

  it('count only their own checks', async () => {
    const { registry, clock, ask } = registryOf({
      db: new SteadyCheck(),
      cache: new SteadyCheck({ groups: ['extra'] }, refused),
      none: new SteadyCheck({ groups: [] }, { status: 'warn' }),
    });
    registry.start();
    await clock.advance(1);
    expect(ask().state).toBe('pass');
    expect(ask({ group: 'extra' }).state).toBe('fail');
    expect(ask({ group: 'all' }).state).toBe('fail');
    expect(ask({ checks: ['none'] }).state).toBe('warn');
    expect(ask({ checks: ['none', 'db', 'db'] }).state).toBe('warn');
    expect(Object.keys(ask({ checks: ['none', 'db', 'db'] }).report().checks)).toEqual(['db', 'none']);
    expect(registry.stateOf('extra')).toBe('fail');
  });

  it('and single checks have the current state, no matter how often they are requested', async () => {
    const db = new SteadyCheck({ groups: ['web'] });
    const { registry, clock, ask } = registryOf({ db });
    registry.start();
    await clock.advance(1);
    expect([ask({ checks: ['db'] }).state, ask({ group: 'web' }).state]).toEqual(['pass', 'pass']);
    db.outcome = refused;
    await clock.advance(5000);
    expect([ask({ checks: ['db'] }).state, ask({ group: 'web' }).state]).toEqual(['fail', 'fail']);
  });

  it('are not-found if the name does not exist, regardless of other requests', async () => {
    const { registry, clock, ask } = registryOf({ db: new SteadyCheck() }, { groups: ['empty'] });
    registry.start();
    await clock.advance(1);
    for (const query of [
      { group: 'nope' },
      { checks: ['db', 'nope'] },
      { checks: [''] },
      { group: '' },
      { group: '__proto__' },
    ]) {
      const asked = ask({ ...query, maxAge: 0 });
      expect(asked).toMatchObject({ answers: 1, answer: { state: 'not-found', stale: false, age: 0 } });
      expect(asked.report()).toMatchObject({ status: 'fail', state: 'not-found', causes: [], checks: {} });
    }
    expect(registry.stateOf('nope')).toBe('not-found');
    expect(ask({ group: 'liveness' }).state).toBe('not-found');
    for (const scope of ['readiness', 'startup'] as const) {
      const asked = ask({ scope, group: 'empty', maxAge: 0 });
      expect(asked).toMatchObject({ answers: 1, answer: { state: 'pass', stale: false } });
    }
    for (const query of [{ group: 'nope' }, { checks: ['nope'] }, { group: 'liveness' }]) {
      expect(ask({ scope: 'startup', ...query }).state).toBe('not-found');
      expect(ask({ scope: 'liveness', ...query }).state).toBe('pass');
    }
    expect(ask({ group: 'startup' }).state).toBe('pass');
  });

  it('without checks are pass, and always fresh', () => {
    const { registry, ask } = registryOf({});
    expect(registry.cachedStatus('readiness')).toEqual({ state: 'pass', freshUntil: Infinity, since: Infinity });
    expect(ask({ maxAge: 0 })).toMatchObject({ answers: 1, answer: { state: 'pass', age: 0 } });
  });

  it('count an optional check that fails as a warning', async () => {
    const cache = new SteadyCheck({ critical: false }, refused);
    const { registry, clock, ask } = registryOf({ db: new SteadyCheck(), cache });
    registry.start();
    await clock.advance(1);
    expect(ask().state).toBe('warn');
    expect(ask().answer?.failing()).toEqual([{ name: 'cache', adds: 'warn', reason: 'refused' }]);
  });

  it('ignore a failure of this service that came back through a cycle', async () => {
    const peer = new SteadyCheck(
      { kind: 'pingpong' },
      { status: 'fail', reason: 'dependency', causes: [{ instance: 'me', via: ['peer'], check: 'db' }] },
    );
    const { registry, clock, ask } = registryOf({ peer });
    registry.start();
    await clock.advance(1);
    expect(ask().state).toBe('pass');
    expect(ask().report()).toMatchObject({ state: 'pass', causes: [] });
    expect(ask().report().checks.peer[0]).toMatchObject({ state: 'fail', reason: 'loop' });
    peer.outcome = { status: 'fail', reason: 'dependency' };
    await clock.advance(5000);
    expect(ask().state).toBe('fail');
  });

  it('change to pass, warn or fail as soon as their checks do', async () => {
    const db = failing();
    const { registry, clock, ask } = registryOf({ db });
    registry.start();
    await clock.advance(1);
    expect(ask().state).toBe('fail');
    db.outcome = { status: 'pass' };
    await clock.advance(1000);
    const asked = ask();
    await settle();
    expect(asked.state).toBe('pass');
  });
});

describe('the status answer', () => {
  it('is unknown and never fresh before the first result', () => {
    const { registry } = registryOf({ db: new ScriptedCheck() });
    expect(registry.cachedStatus('readiness')).toEqual({ state: 'unknown', freshUntil: -Infinity, since: Infinity });
  });

  it('is fresh until the first of its checks is outdated', async () => {
    const a = new ScriptedCheck({ maxAge: 500 });
    const b = new ScriptedCheck({ maxAge: 4000 });
    const { registry, clock } = registryOf({ a, b });
    await clock.advance(10);
    registry.start();
    a.last.pass();
    await clock.advance(20);
    b.last.pass();
    await settle();
    expect(registry.cachedStatus('readiness')).toEqual({ state: 'pass', freshUntil: 510, since: 10 });
  });

  it('is the same object until a change', async () => {
    const db = new SteadyCheck();
    const { registry, clock } = registryOf({ db });
    registry.start();
    await clock.advance(1);
    const status = registry.cachedStatus('readiness');
    await clock.advance(4000);
    expect(registry.cachedStatus('readiness')).toBe(status);
    await clock.advance(1000);
    expect(registry.cachedStatus('readiness')).not.toBe(status);
  });

  it('becomes unknown without an event when the last result is older than the stale limit', async () => {
    const { registry, clock } = registryOf({ db: new SteadyCheck({ interval: 0 }) });
    registry.start();
    await clock.advance(30_000);
    expect(registry.cachedStatus('readiness').state).toBe('pass');
    await clock.advance(1);
    expect(registry.cachedStatus('readiness')).toEqual({ state: 'unknown', freshUntil: 1000, since: Infinity });
    expect(registry.checks[0]).toMatchObject({ state: 'unknown', reason: 'never-ran' });
  });

  it('of liveness is pass regardless of the checks, and runs none', async () => {
    const db = new SteadyCheck({}, refused);
    const { registry, clock, ask } = registryOf({ db });
    expect(registry.cachedStatus('liveness')).toEqual({ state: 'pass', freshUntil: Infinity, since: Infinity });
    const asked = ask({ scope: 'liveness', maxAge: 0, checks: ['nope'] });
    expect(asked).toMatchObject({ answers: 1, answer: { state: 'pass', stale: false, age: 0 } });
    expect(asked.report()).toMatchObject({ state: 'pass', checks: {} });
    await clock.advance(1);
    expect(db.runs).toBe(0);
  });
});

describe('startup', () => {
  it('passes without checks', () => {
    const { registry, ask } = registryOf({});
    expect(registry.cachedStatus('startup')).toMatchObject({ state: 'pass', freshUntil: Infinity });
    expect(ask({ scope: 'startup' }).state).toBe('pass');
  });

  it('passes permanently when each check of its group has passed or warned once', async () => {
    const a = new SteadyCheck({ groups: ['startup'] }, refused);
    const b = new SteadyCheck({ groups: ['startup', 'readiness'] }, { status: 'warn' });
    const other = new SteadyCheck({}, refused);
    const { registry, clock, ask } = registryOf({ a, b, other });
    registry.start();
    await clock.advance(1);
    expect(ask({ scope: 'startup' }).state).toBe('starting');
    b.outcome = refused;
    a.outcome = { status: 'pass' };
    await clock.advance(5000);
    expect(ask({ scope: 'startup' }).state).toBe('pass');
    a.outcome = refused;
    await clock.advance(60_000);
    expect(ask({ scope: 'startup', maxAge: 0 })).toMatchObject({ answers: 1, answer: { state: 'pass', age: 0 } });
    expect(registry.cachedStatus('startup')).toMatchObject({ state: 'pass', freshUntil: Infinity });
  });

  it('runs its checks on request, and does not wait for them', async () => {
    const a = new SteadyCheck({ groups: ['startup'], interval: 0 }, refused);
    const { registry, clock, ask } = registryOf({ a });
    registry.start();
    await clock.advance(2000);
    expect(registry.cachedStatus('startup')).toMatchObject({ state: 'starting', freshUntil: 1000 });
    a.outcome = { status: 'pass' };
    expect(ask({ scope: 'startup' })).toMatchObject({ answers: 1, answer: { state: 'starting', stale: false } });
    await settle();
    expect(a.runs).toBe(2);
    expect(ask({ scope: 'startup' }).state).toBe('pass');
    await clock.advance(60_000);
    expect(ask({ scope: 'startup', maxAge: 0 }).state).toBe('pass');
    await settle();
    expect(a.runs).toBe(2);
  });

  it.each([
    ['starting', {}],
    ['unknown', { startupGrace: 0 }],
  ])('is answered immediately and is never stale, regardless of the request: %s', (state, options) => {
    const { registry, ask } = registryOf({ db: new ScriptedCheck() }, options);
    registry.start();
    for (const query of [{}, { maxAge: 0 }, { timeout: 0 }, { group: 'startup' }, { hops: 1 }]) {
      const asked = ask({ scope: 'startup', ...query });
      expect(asked).toMatchObject({ answers: 1, answer: { state, stale: false, late: false } });
    }
  });

  it('has the state of its checks after its grace, and passes as soon as they do', async () => {
    const a = new SteadyCheck({ groups: ['startup'] }, refused);
    const { registry, clock, ask } = registryOf({ a }, { startupGrace: 30_000 });
    const notified: Transition[] = [];
    registry.onTransition((transition) => void (transition.name === 'startup' && notified.push(transition)));
    registry.start();
    await clock.advance(29_999);
    expect(registry.cachedStatus('startup').state).toBe('starting');
    await clock.advance(1);
    expect(registry.cachedStatus('startup').state).toBe('fail');
    expect(notified).toMatchObject([{ from: 'starting', to: 'fail', reason: 'refused' }]);
    expect(ask({ scope: 'startup' }).report()).toMatchObject({
      state: 'fail',
      causes: [{ check: 'a', reason: 'refused' }],
    });
    a.outcome = { status: 'pass' };
    await clock.advance(5000);
    expect(registry.stateOf('startup')).toBe('pass');
    expect(notified).toHaveLength(2);
  });

  it('is unknown after its grace while a check has no result', async () => {
    const { registry, clock } = registryOf({ a: new ScriptedCheck({ timeout: 60_000 }) }, { startupGrace: 0 });
    expect(registry.stateOf('startup')).toBe('starting');
    registry.start();
    await clock.advance(1);
    expect(registry.stateOf('startup')).toBe('unknown');
  });

  it('keeps no timer for its grace after stop', async () => {
    const { registry, clock } = registryOf({}, { startupGrace: 30_000 });
    registry.start();
    expect(clock.timers).toBe(1);
    await registry.stop();
    expect(clock.timers).toBe(0);
  });

  it('is not blocked by a failing optional check of its group', async () => {
    const a = new ScriptedCheck({ groups: ['startup'], critical: false });
    const { registry } = registryOf({ a });
    registry.start();
    expect(registry.stateOf('startup')).toBe('starting');
    a.last.fail(refused);
    await settle();
    expect(registry.stateOf('startup')).toBe('pass');
  });

  it("is not blocked by a failure that is only this service's own, reported back through a cycle", async () => {
    const causes = [{ instance: 'me', via: ['peer'] }];
    const peer = new SteadyCheck({ groups: ['startup'] }, { status: 'fail', reason: 'dependency', causes });
    const { registry, clock } = registryOf({ peer });
    registry.start();
    await clock.advance(1);
    expect(registry.stateOf('startup')).toBe('pass');
  });

  it('passes, without its group, when each critical check has a first result of any state', async () => {
    const db = new ScriptedCheck();
    const cache = new ScriptedCheck({ groups: ['web'] });
    const optional = new ScriptedCheck({ critical: false });
    const { registry, ask } = registryOf({ db, cache, optional });
    registry.start();
    db.last.fail(refused);
    await settle();
    expect(ask({ scope: 'startup' }).state).toBe('starting');
    cache.last.fail(refused);
    await settle();
    expect(ask({ scope: 'startup' }).state).toBe('pass');
    expect(registry.cachedStatus('readiness').state).toBe('fail');
  });

  it('is the only scope that reports starting: readiness does not, nor does its group under another scope', async () => {
    const a = new SteadyCheck({ groups: ['startup', 'readiness'] }, refused);
    const { registry, clock, ask } = registryOf({ a });
    registry.start();
    await clock.advance(1);
    expect(ask({ scope: 'startup', group: 'startup' }).state).toBe('starting');
    expect(ask({ scope: 'readiness', group: 'startup' }).state).toBe('fail');
    expect(ask({ scope: 'startup', checks: ['a'] }).state).toBe('fail');
    expect(ask({ scope: 'startup', group: 'readiness' }).state).toBe('fail');
    expect(ask({ scope: 'startup', group: 'liveness' }).state).toBe('not-found');
    expect(ask().state).toBe('fail');
    expect(ask({ scope: 'startup' }).report()).toMatchObject({
      status: 'fail',
      state: 'starting',
      causes: [{ check: 'a' }],
    });
  });
});

describe('draining', () => {
  it('overrides all scopes except liveness, immediately and without a run', async () => {
    const db = new ScriptedCheck({ groups: ['readiness', 'startup'] });
    const { registry, clock, ask } = registryOf({ db });
    registry.drain();
    const startup = { scope: 'startup' } as const;
    for (const query of [
      {},
      { maxAge: 0 },
      { group: 'all' },
      { checks: ['db'] },
      startup,
      { ...startup, group: 'readiness' },
      { ...startup, checks: ['db'], maxAge: 0 },
    ]) {
      expect(ask(query)).toMatchObject({ answers: 1, answer: { state: 'draining', stale: false, age: 0 } });
    }
    expect(ask({ scope: 'liveness' }).state).toBe('pass');
    expect(ask({ scope: 'liveness', checks: ['nope'] }).state).toBe('pass');
    expect(ask({ group: 'nope' }).state).toBe('not-found');
    expect(ask({ ...startup, checks: ['db', 'nope'] }).state).toBe('not-found');
    expect(registry.cachedStatus('readiness')).toEqual({ state: 'draining', freshUntil: Infinity, since: Infinity });
    expect(registry.cachedStatus('liveness').state).toBe('pass');
    expect(registry.stateOf('startup')).toBe('draining');
    expect(ask().report()).toMatchObject({ status: 'fail', state: 'draining' });
    await clock.advance(100);
    expect(db.runs).toHaveLength(0);
  });

  it('answers requests that are already waiting, and not as stale', async () => {
    const { registry, clock, ask } = registryOf({ db: new ScriptedCheck() });
    const asked = ask({ timeout: 100 });
    registry.drain();
    await clock.advance(100);
    expect(asked).toMatchObject({ answers: 1, answer: { state: 'draining', stale: false } });
  });

  it('continues to run the checks, for metrics', async () => {
    const db = new SteadyCheck();
    const { registry, clock } = registryOf({ db });
    registry.start();
    registry.drain();
    await clock.advance(5000);
    expect(db.runs).toBe(2);
    expect(registry.checks[0]?.state).toBe('pass');
  });
});

describe('transitions', () => {
  it('are reported for checks and groups, with the reason, once each', async () => {
    const db = new SteadyCheck();
    const { registry, clock } = registryOf({ db });
    const notified: Transition[] = [];
    const forget = registry.onTransition((transition) => notified.push(transition));
    registry.start();
    await clock.advance(20_000);
    expect(notified).toEqual([
      { of: 'check', name: 'db', from: 'unknown', to: 'pass' },
      { of: 'group', name: 'readiness', from: 'unknown', to: 'pass' },
      { of: 'group', name: 'startup', from: 'starting', to: 'pass' },
      { of: 'group', name: 'all', from: 'unknown', to: 'pass' },
    ]);
    notified.length = 0;
    db.outcome = refused;
    await clock.advance(20_000);
    const why = { from: 'pass', to: 'fail', reason: 'refused', output: 'connect ECONNREFUSED' };
    expect(notified).toEqual([
      { of: 'check', name: 'db', ...why },
      { of: 'group', name: 'readiness', ...why },
      { of: 'group', name: 'all', ...why },
    ]);
    notified.length = 0;
    registry.drain();
    registry.drain();
    expect(notified.map(({ name, to }) => `${name} ${to}`)).toEqual([
      'readiness draining',
      'startup draining',
      'all draining',
    ]);
    forget();
    db.outcome = { status: 'pass' };
    await clock.advance(20_000);
    expect(notified).toHaveLength(3);
  });

  it('name the check that determines the state of a group, even an optional one', async () => {
    const { registry, clock } = registryOf({
      optional: new SteadyCheck({ critical: false }, refused),
      db: new SteadyCheck(),
    });
    const notified: Transition[] = [];
    registry.onTransition((transition) => notified.push(transition));
    registry.start();
    await clock.advance(1);
    expect(notified).toContainEqual({
      of: 'group',
      name: 'readiness',
      from: 'unknown',
      to: 'warn',
      reason: 'refused',
      output: 'connect ECONNREFUSED',
    });
  });
});

describe('listeners', () => {
  it.each(['onTransition', 'onUpdate', 'onRun'] as const)(
    'of %s do not affect the others or the checks if they throw',
    async (event) => {
      const { registry, clock } = registryOf({ db: new SteadyCheck({ interval: 1000 }), other: new SteadyCheck() });
      const queue = jest.spyOn(globalThis, 'queueMicrotask').mockImplementation(() => {});
      const thrown: unknown[] = [];
      const notified: unknown[] = [];
      registry[event]((value?: unknown) => {
        thrown.push(value);
        throw new Error('a bug of the listener');
      });
      registry[event]((value?: unknown) => notified.push(value));
      registry.start();
      await clock.advance(5000);
      expect(queue).toHaveBeenCalledTimes(thrown.length);
      queue.mockRestore();
      expect(thrown.length).toBeGreaterThan(1);
      expect(notified).toEqual(thrown);
      expect(registry.checks.map(({ state, inFlight }) => ({ state, inFlight }))).toEqual([
        { state: 'pass', inFlight: false },
        { state: 'pass', inFlight: false },
      ]);
      expect(registry.stateOf('readiness')).toBe('pass');
      expect(registry.checks[0]?.stats.runs).toBeGreaterThan(3);
    },
  );
});

describe('statistics', () => {
  it('count runs, failures by reason, durations, results and transitions', async () => {
    const db = new ScriptedCheck({ interval: 0 });
    const { registry, clock } = registryOf({ db });
    const [check] = registry.checks;
    expect(check).toMatchObject({ name: 'db', kind: 'scripted', inFlight: false, abandoned: 0 });
    expect(check?.stats).toMatchObject({ runs: 0, lastSuccess: undefined, transitions: 0 });
    expect(Object.values(check?.stats.failures ?? {}).every((count) => count === 0)).toBe(true);
    expect(Object.keys(check?.stats.failures ?? {})).toContain('refused');
    registry.start();
    expect(check?.inFlight).toBe(true);
    await clock.advance(250);
    db.last.result({ status: 'warn', reason: 'lag' });
    await settle();
    expect(check?.inFlight).toBe(false);
    expect(check?.stats).toMatchObject({ runs: 1, lastSuccess: clock.wall() / 1000, transitions: 1 });
    expect(check?.stats.failures.lag).toBe(0);
    expect(check?.stats.duration.sum).toBe(0.25);
    const lastSuccess = check?.stats.lastSuccess;
    await clock.advance(2000);
    registry.ask({ scope: 'readiness', timeout: 0, hops: 0 }, () => {});
    await clock.advance(800);
    expect(check?.stats).toMatchObject({ runs: 2, lastSuccess, transitions: 2 });
    expect(check?.stats.failures.timeout).toBe(1);
    expect(check?.abandoned).toBe(1);
    expect(check?.stats.duration.sum).toBeCloseTo(1.05);
  });

  it('count a run that was not possible as a failure, without a duration', async () => {
    const db = new ScriptedCheck({ interval: 1000 });
    const { registry, clock, ask } = registryOf({ db });
    registry.start();
    await clock.advance(10_000);
    const [check] = registry.checks;
    expect(db.runs).toHaveLength(3);
    expect(check?.abandoned).toBe(3);
    expect(check?.stats.runs).toBeGreaterThan(8);
    expect(check?.stats.failures.timeout).toBe(check?.stats.runs);
    expect(check?.stats.duration.counts.reduce((sum, count) => sum + count)).toBe(3);
    expect(ask({ timeout: 0 }).report().checks.db[0].durationMs).toBeUndefined();
  });

  it('start no run when they are read', async () => {
    const db = new SteadyCheck({ interval: 0 });
    const { registry, clock } = registryOf({ db });
    registry.start();
    await clock.advance(20_000);
    registry.stateOf('readiness');
    registry.groups();
    JSON.stringify(registry.checks.map(({ state, reason, stats, inFlight }) => ({ state, reason, stats, inFlight })));
    await clock.advance(1);
    expect(db.runs).toBe(1);
  });
});

describe('a step of the wall clock', () => {
  it.each([86_400_000, -86_400_000])('of %p ms changes nothing', async (step) => {
    const db = new SteadyCheck({ maxAge: 1000 });
    const { registry, clock, ask } = registryOf({ db });
    registry.start();
    await clock.advance(500);
    const { since } = ask().report().checks.db[0];
    const status = registry.cachedStatus('readiness');
    clock.wallOffset += step;
    expect(registry.cachedStatus('readiness')).toBe(status);
    await clock.advance(400);
    expect(ask()).toMatchObject({ answers: 1, answer: { state: 'pass', age: 900 } });
    const report = ask().report();
    expect(report.checks.db[0]).toMatchObject({ ageMs: 900, state: 'pass' });
    expect(Date.parse(report.time) - Date.parse(report.checks.db[0].since)).toBe(900);
    expect(Date.parse(report.checks.db[0].since) - Date.parse(since)).toBe(step);
    await clock.advance(4100);
    expect(db.runs).toBe(2);
  });
});

describe('stopping', () => {
  it('aborts runs, answers pending requests, closes every check once, and leaves no timer', async () => {
    const a = new ScriptedCheck();
    const b = new SteadyCheck();
    a.obedient = true;
    const { registry, clock, ask } = registryOf({ a, b });
    registry.start();
    await settle();
    const asked = ask({ maxAge: 0, timeout: 60_000 });
    const stopped = Promise.all([registry.stop(), registry.stop()]);
    expect(asked).toMatchObject({ answers: 1, answer: { state: 'unknown', stale: true } });
    await stopped;
    expect(a.last.signal.aborted).toBe(true);
    expect(a.closed).toBe(1);
    expect(clock.timers).toBe(0);
  });

  it('answers immediately afterwards, and starts no run', async () => {
    const db = new SteadyCheck();
    const { registry, clock, ask } = registryOf({ db });
    registry.start();
    await clock.advance(2000);
    await registry.stop();
    expect(ask()).toMatchObject({ answers: 1, answer: { state: 'pass', stale: true } });
    registry.start();
    await clock.advance(60_000);
    expect(db.runs).toBe(1);
    expect(clock.timers).toBe(0);
  });

  it('takes at most a second if a check ignores the abort', async () => {
    const hung = new ScriptedCheck();
    const { registry, clock } = registryOf({
      hung,
      stuck: { kind: 'k', run: async () => ({ status: 'pass' as const }), close: () => new Promise<void>(() => {}) },
    });
    registry.start();
    let stopped = false;
    void registry.stop().then(() => {
      stopped = true;
    });
    await clock.advance(999);
    expect(stopped).toBe(false);
    await clock.advance(1);
    expect(stopped).toBe(true);
    expect(hung.closed).toBe(1);
    expect(clock.timers).toBe(0);
  });

  it('waits until a check has closed, and tolerates one whose close throws', async () => {
    let closed = false;
    const { registry, clock } = registryOf({
      bad: {
        kind: 'k',
        run: async () => ({ status: 'pass' as const }),
        close: () => {
          throw new Error('no');
        },
      },
      slow: {
        kind: 'k',
        run: async () => ({ status: 'pass' as const }),
        close: () =>
          new Promise<void>((resolve) => {
            clock.after(200, () => {
              closed = true;
              resolve();
            });
          }),
      },
    });
    const stopped = registry.stop();
    await clock.advance(200);
    await stopped;
    expect(closed).toBe(true);
  });
});

describe('a registry', () => {
  it('has a random instance id', () => {
    const one = new Registry({ checks: defined({}) });
    const two = new Registry({ checks: defined({}) });
    expect(one.instance).toMatch(/^[0-9a-f]{16}$/);
    expect(one.instance).not.toBe(two.instance);
  });

  it('accepts plain functions', async () => {
    const { registry, clock, ask } = registryOf({
      good: async () => {},
      bad: () => {
        throw new Error('not today');
      },
    });
    registry.start();
    await clock.advance(1);
    expect(ask({ checks: ['good'] }).state).toBe('pass');
    expect(ask({ checks: ['bad'] }).report().checks.bad[0]).toMatchObject({ reason: 'custom', output: 'not today' });
  });

  it('does not affect another registry in the same process', async () => {
    const clock = new FakeClock();
    const one = new Registry({ checks: defined({ x: new SteadyCheck({}, refused) }), clock });
    const two = new Registry({ checks: defined({ x: new SteadyCheck() }), clock });
    one.start();
    two.start();
    one.drain();
    await clock.advance(1);
    await one.stop();
    expect(two.stateOf('readiness')).toBe('pass');
    await two.stop();
  });
});
