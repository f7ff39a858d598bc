import { describe, expect, it } from '@jest/globals';
import type { CheckDefinition, CheckSettings } from '../../src/health/check.js';
import type { Answer, Query } from '../../src/health/health.js';
import {
  Registry,
  type RegistryOptions,
  type RegistrySettings,
  type Transition,
} from '../../src/health/query/registry.js';
import { FakeClock, settle } from '../fake-clock.js';
import { type Checks, defined } from './defined.js';
import { ScriptedCheck, SteadyCheck } from './scripted-check.js';

/** A started registry, with its answers and transitions. */
function started(checks: Checks, options: Partial<RegistryOptions> = {}) {
  const clock = new FakeClock();
  const registry = new Registry({ checks: defined(checks), clock, random: () => 0, ...options });
  const notified: string[] = [];
  registry.onTransition(({ of, name, from, to }: Transition) => notified.push(`${of} ${name} ${from}>${to}`));
  registry.start();
  const answers: Answer[] = [];
  return {
    clock,
    registry,
    notified,
    answers,
    reload: (next: Checks, settings: Partial<RegistrySettings> = {}) =>
      registry.reload({ checks: defined(next), ...settings }),
    ask: (query: Partial<Query> = {}) =>
      registry.ask({ scope: 'readiness', timeout: 2000, hops: 0, ...query }, (answer) => answers.push(answer)),
    view: (name: string) => registry.checks.find((check) => check.name === name),
  };
}

/** A check with an identity, like those created by the factories, and with an observable `run`. */
function made(identity: string, settings: CheckSettings = {}): CheckDefinition & { runs: number; closed: number } {
  const check = {
    kind: 'made',
    identity,
    runs: 0,
    closed: 0,
    ...settings,
    run: async () => {
      check.runs++;
      return { status: 'pass' as const };
    },
    close: () => {
      check.closed++;
    },
  };
  return check;
}

describe('a check that a reload does not change', () => {
  it('keeps its result, its counters and its timers', async () => {
    const db = new SteadyCheck();
    const { registry, clock, reload, notified, view } = started({ db });
    await clock.advance(3000);
    notified.splice(0);
    expect(reload({ db })).toEqual({ added: [], changed: [], removed: [] });
    expect([db.runs, registry.stateOf('readiness'), view('db')?.stats.runs]).toEqual([1, 'pass', 1]);
    await clock.advance(1999);
    expect(db.runs).toBe(1);
    await clock.advance(1);
    expect(db.runs).toBe(2);
    expect(notified).toEqual([]);
  });

  it('is recognized by its identity when it was created again, and the new one is never run', async () => {
    const [first, second] = [made('a'), made('a')];
    const { clock, reload } = started({ db: first });
    await clock.advance(1000);
    expect(reload({ db: second })).toEqual({ added: [], changed: [], removed: [] });
    await clock.advance(9000);
    expect([first.runs, first.closed, second.runs, second.closed]).toEqual([3, 0, 0, 0]);
  });

  it('continues the run in progress, which answers the pending requests', async () => {
    const db = new ScriptedCheck({ interval: 0 });
    const { reload, ask, answers } = started({ db });
    ask({ maxAge: 1000 });
    reload({ db, other: new SteadyCheck() });
    await settle();
    expect([db.runs.length, db.last.signal.aborted, answers.length]).toEqual([1, false, 0]);
    db.last.pass();
    await settle();
    expect(answers.map(({ state, stale }) => [state, stale])).toEqual([['pass', false]]);
  });
});

describe('settings of a check that a reload changes', () => {
  it('take effect without another run, connection or state', async () => {
    const [first, second] = [made('a'), made('a', { interval: 20_000, fall: 3, critical: false, timeout: 100 })];
    const { clock, reload, view, notified } = started({ db: first });
    await clock.advance(3000);
    notified.splice(0);
    expect(reload({ db: second })).toMatchObject({ changed: ['db'] });
    await clock.advance(16_999);
    expect([first.runs, second.runs, view('db')?.critical]).toEqual([1, 0, false]);
    await clock.advance(1);
    expect([first.runs, first.closed]).toEqual([2, 0]);
    expect(notified).toEqual([]);
  });

  it.each([
    ['rise', 'fail', 'pass'],
    ['fall', 'pass', 'fail'],
  ] as const)('%s applies from the next result', async (key, before, after) => {
    const result = (status: 'pass' | 'fail') =>
      status === 'pass' ? { status } : { status, reason: 'refused' as const };
    const db = new SteadyCheck({ interval: 1000 }, result(before));
    const { clock, reload, registry } = started({ db });
    await clock.advance(1);
    reload({ db: Object.assign(db, { [key]: 3 }) });
    db.outcome = result(after);
    await clock.advance(2500);
    expect(registry.stateOf('readiness')).toBe(before);
    await clock.advance(1000);
    expect(registry.stateOf('readiness')).toBe(after);
  });

  it('are aggregated immediately, such as groups and critical', async () => {
    const db = new SteadyCheck({}, { status: 'fail', reason: 'refused' });
    const { clock, reload, registry, notified } = started({ db });
    await clock.advance(1);
    notified.splice(0);
    reload({ db: Object.assign(db, { critical: false }) });
    expect(registry.stateOf('readiness')).toBe('warn');
    reload({ db: Object.assign(db, { groups: ['other'] }) });
    expect([registry.stateOf('readiness'), registry.stateOf('other')]).toEqual(['pass', 'warn']);
    expect(notified).toEqual(['group readiness fail>warn', 'group all fail>warn', 'group readiness warn>pass']);
  });

  it('discard results that are too old, such as the stale limit', async () => {
    const db = new ScriptedCheck({ interval: 0 });
    const { clock, reload, registry } = started({ db });
    db.last.pass();
    await clock.advance(20_000);
    reload({ db }, { staleLimit: 10_000 });
    expect(registry.stateOf('readiness')).toBe('pass');
    await clock.advance(0);
    expect(registry.stateOf('readiness')).toBe('unknown');
  });
});

describe('another check under the same name', () => {
  it('runs immediately, and keeps the state until its first result, regardless of the thresholds', async () => {
    const [first, second] = [new SteadyCheck(), new ScriptedCheck({ rise: 3, fall: 3 })];
    const { clock, reload, registry, notified, view } = started({ db: first });
    await clock.advance(1000);
    notified.splice(0);
    expect(reload({ db: second })).toEqual({ added: [], changed: ['db'], removed: [] });
    expect([second.runs.length, registry.stateOf('readiness'), view('db')?.stats.runs]).toEqual([1, 'pass', 1]);
    second.last.fail(new Error('not there'));
    await settle();
    expect([registry.stateOf('readiness'), view('db')?.stats.runs]).toEqual(['fail', 2]);
    expect(notified).toEqual(['check db pass>fail', 'group readiness pass>fail', 'group all pass>fail']);
  });

  it('takes over pending requests, and later results of the old check are ignored', async () => {
    const [first, second] = [new ScriptedCheck({ interval: 0 }), new ScriptedCheck({ interval: 0 })];
    const { clock, reload, registry, ask, answers } = started({ db: first });
    first.last.pass();
    await clock.advance(1000);
    ask({ maxAge: 0 });
    await clock.advance(10);
    reload({ db: second });
    const old = first.last;
    expect([old.signal.aborted, first.closed]).toEqual([true, 0]);
    old.fail(new Error('closed under it'));
    await clock.advance(100);
    expect([first.closed, registry.stateOf('readiness'), answers.length]).toEqual([1, 'pass', 0]);
    second.last.pass();
    await settle();
    expect(answers.map(({ state, stale }) => [state, stale])).toEqual([['pass', false]]);
  });

  it('closes an old check that hangs after a second', async () => {
    const first = new ScriptedCheck({ interval: 0 });
    const { clock, reload } = started({ db: first });
    reload({ db: new SteadyCheck() });
    await clock.advance(999);
    expect(first.closed).toBe(0);
    await clock.advance(1);
    expect(first.closed).toBe(1);
  });

  it('never starts twice within minInterval, no matter how often it is replaced', async () => {
    const { clock, reload } = started({ db: new SteadyCheck({ minInterval: 100 }) });
    await clock.advance(1000);
    const checks = Array.from({ length: 20 }, () => new SteadyCheck({ minInterval: 100 }));
    for (const db of checks) {
      reload({ db });
      await clock.advance(10);
    }
    await clock.advance(100);
    expect(checks.reduce((runs, check) => runs + check.runs, 0)).toBeLessThanOrEqual(3);
    expect(checks.at(-1)?.runs).toBe(1);
  });

  it('is not delayed by hanging runs of the old check', async () => {
    const first = new ScriptedCheck({ interval: 1000, timeout: 500 });
    const { clock, reload, registry } = started({ db: first });
    await clock.advance(10_000);
    const second = new SteadyCheck();
    reload({ db: second });
    await clock.advance(100);
    expect([second.runs, registry.stateOf('readiness')]).toEqual([1, 'pass']);
  });
});

describe('a check that a reload adds', () => {
  it('counts in existing groups from its first result', async () => {
    const [db, slow] = [new SteadyCheck(), new ScriptedCheck({ timeout: 5000 })];
    const { clock, reload, registry, notified, ask, answers } = started({ db });
    await clock.advance(500);
    notified.splice(0);
    expect(reload({ db, slow })).toEqual({ added: ['slow'], changed: [], removed: [] });
    expect(registry.stateOf('readiness')).toBe('pass');
    ask();
    expect(answers.map(({ state, stale }) => [state, stale])).toEqual([['pass', false]]);
    await clock.advance(3000);
    slow.last.fail(new Error('no'));
    await settle();
    expect(notified).toEqual(['check slow unknown>fail', 'group readiness pass>fail', 'group all pass>fail']);
  });

  it('is unknown immediately when it is requested by name, and in a new group', async () => {
    const { clock, reload, registry, ask, answers } = started({});
    await clock.advance(1);
    reload({ slow: new ScriptedCheck({ groups: ['readiness', 'new'] }) });
    expect([registry.stateOf('readiness'), registry.stateOf('new')]).toEqual(['pass', 'unknown']);
    ask({ checks: ['slow'], timeout: 0 });
    expect(answers.map(({ state }) => state)).toEqual(['unknown']);
  });

  it('improves no group before its first result, as when it replaces a failing check', async () => {
    const [old, young] = [new SteadyCheck({}, new Error('down')), new ScriptedCheck()];
    const { clock, reload, notified, ask, answers } = started({ old });
    await clock.advance(1);
    notified.splice(0);
    reload({ young });
    ask();
    expect([answers.map(({ state }) => state), notified.splice(0)]).toEqual([['fail'], []]);
    young.last.pass();
    await settle();
    expect(notified).toEqual(['check young unknown>pass', 'group readiness fail>pass', 'group all fail>pass']);
  });

  it('is unknown in a group that the next reload adds', async () => {
    const slow = new ScriptedCheck();
    const { reload, registry } = started({});
    reload({ slow });
    reload({ slow: Object.assign(slow, { groups: ['late'] }) });
    expect([registry.stateOf('readiness'), registry.stateOf('late')]).toEqual(['pass', 'unknown']);
  });

  it('does not reset a completed startup', async () => {
    const db = new SteadyCheck({ groups: ['startup'] });
    const { clock, reload, registry } = started({ db });
    await clock.advance(1);
    reload({ db, other: new ScriptedCheck({ groups: ['startup'] }) });
    expect(registry.cachedStatus('startup').state).toBe('pass');
  });

  it('blocks startup until it has passed, but not a completed startup', async () => {
    const [db, second] = [new SteadyCheck({ groups: ['startup'] }), new ScriptedCheck({ groups: ['startup'] })];
    const third = new ScriptedCheck({ groups: ['startup'] });
    const { clock, reload, registry } = started({ db, second });
    await clock.advance(1);
    db.outcome = new Error('down since');
    await clock.advance(5000);
    reload({ db, third });
    expect(registry.cachedStatus('startup').state).toBe('starting');
    third.last.pass();
    await settle();
    expect(registry.cachedStatus('startup').state).toBe('pass');
  });
});

describe('a check that a reload removes', () => {
  it('is removed immediately, with its groups, is not run again, and is closed', async () => {
    const [db, cache] = [new SteadyCheck(), Object.assign(made('c'), { groups: ['cache'] })];
    const { clock, reload, registry, ask, answers } = started({ db, cache });
    await clock.advance(1);
    expect(reload({ db })).toEqual({ added: [], changed: [], removed: ['cache'] });
    expect([registry.checks.map(({ name }) => name), registry.groups()]).toEqual([
      ['db'],
      ['readiness', 'startup', 'all'],
    ]);
    ask({ checks: ['cache'] });
    ask({ group: 'cache' });
    expect(answers.map(({ state }) => state)).toEqual(['not-found', 'not-found']);
    await clock.advance(60_000);
    expect([cache.runs, cache.closed]).toEqual([1, 1]);
  });

  it('answers its pending requests from the remaining checks, and not as stale', async () => {
    const cache = new ScriptedCheck({ interval: 0 });
    const { reload, ask, answers } = started({ db: new SteadyCheck(), cache });
    await settle();
    ask();
    ask({ checks: ['cache'] });
    expect(answers).toEqual([]);
    reload({ db: new SteadyCheck() });
    await settle();
    expect(answers.map(({ state, stale }) => [state, stale])).toEqual([
      ['pass', false],
      ['not-found', false],
    ]);
  });

  it('is closed once although several names have the same definition, and again after it was added again', async () => {
    const db = made('a');
    const { registry, clock, reload } = started({ db, same: db });
    await clock.advance(1);
    reload({});
    await settle();
    expect(db.closed).toBe(1);
    reload({ db, same: db });
    await clock.advance(1);
    await registry.stop();
    expect(db.closed).toBe(2);
  });

  it('is not closed if another name has the same definition', async () => {
    const db = made('a');
    const { clock, reload } = started({ old: db });
    await clock.advance(1);
    reload({ young: db });
    await clock.advance(2000);
    expect([db.closed, db.runs]).toEqual([0, 2]);
  });
});

describe('a watch', () => {
  it('of a group that a reload adds has the state of the group, even while a later check has no result', async () => {
    const { reload, registry } = started({});
    const watched = registry.watch({ scope: 'readiness', group: 'own' }, () => {});
    reload({ first: new ScriptedCheck({ groups: ['own'] }) });
    expect([registry.stateOf('own'), watched.answer.state]).toEqual(['unknown', 'unknown']);
    reload({ second: new ScriptedCheck({ groups: ['own'] }) });
    expect([registry.stateOf('own'), watched.answer.state]).toEqual(['unknown', 'unknown']);
    watched.end();
  });

  it('of a removed check reports not-found, and continues when it exists again', async () => {
    const db = new SteadyCheck();
    const { clock, registry, reload } = started({ db });
    await clock.advance(1);
    const seen: string[] = [];
    const watch = (selection: { checks?: string[]; group?: string }) => {
      const watched = registry.watch({ scope: 'readiness', ...selection }, () => seen.push(watched.answer.state));
      return watched;
    };
    const [byName, byGroup] = [watch({ checks: ['db'] }), watch({ group: 'own' })];
    reload({});
    expect([seen.splice(0), byName.answer.state]).toEqual([['not-found'], 'not-found']);
    reload({ db: new SteadyCheck({ groups: ['own'] }) });
    expect(seen.splice(0)).toEqual(['unknown', 'unknown']);
    await clock.advance(200);
    expect(seen.splice(0)).toEqual(['pass', 'pass']);
    reload({ db: new SteadyCheck() });
    expect([seen.splice(0), byGroup.answer.state]).toEqual([['not-found'], 'not-found']);
  });

  it('of a missing check is kept up to a limit that does not count existing checks', async () => {
    const { clock, registry, reload } = started({ db: new SteadyCheck() });
    const seen: string[] = [];
    const watch = (...checks: string[]) => {
      const watched = registry.watch({ scope: 'readiness', checks }, () => seen.push(checks.join()), 1);
      return () => watched?.answer.state;
    };
    const states = [watch('x', 'y'), watch('y', 'x', 'x'), watch('z'), watch('db')];
    expect(states.map((state) => state())).toEqual(['not-found', 'not-found', 'not-found', 'unknown']);
    reload({ z: new SteadyCheck(), y: new SteadyCheck(), db: new SteadyCheck(), x: new SteadyCheck() });
    await clock.advance(200);
    expect(states.map((state) => state())).toEqual(['pass', 'pass', 'not-found', 'pass']);
    expect([new Set(seen), registry.watchedSelections]).toEqual([new Set(['x,y', 'y,x,x', 'db']), 1]);
  });

  it('is not notified without a change', async () => {
    const db = new SteadyCheck();
    const { clock, registry, reload } = started({ db });
    await clock.advance(1);
    let notified = 0;
    registry.watch({ scope: 'readiness' }, () => notified++);
    reload({ db, more: new SteadyCheck() });
    await clock.advance(1000);
    reload({ db: new SteadyCheck() });
    await clock.advance(1000);
    reload({ db: new SteadyCheck({ interval: 1000 }) }, { staleLimit: 60_000, serviceId: 'other' });
    await clock.advance(1000);
    expect(notified).toBe(0);
  });

  it('causes runs of an added check that runs only on demand, and none of a removed one', async () => {
    const [first, second] = [new SteadyCheck({ interval: 0 }), new SteadyCheck({ interval: 0 })];
    const { clock, registry, reload } = started({ first });
    registry.watch({ scope: 'readiness' }, () => {});
    await clock.advance(2500);
    expect(first.runs).toBe(3);
    reload({ second });
    await clock.advance(3500);
    expect([first.runs, second.runs]).toEqual([3, 4]);
  });

  it('runs a check without an interval as often as a new max age requires', async () => {
    const [first, second] = [made('a', { interval: 0, maxAge: 60_000 }), made('a', { interval: 0, maxAge: 700 })];
    const { clock, registry, reload } = started({ first });
    registry.watch({ scope: 'readiness' }, () => {});
    await clock.advance(5000);
    expect(first.runs).toBe(1);
    reload({ first: second });
    await clock.advance(1400);
    expect(first.runs).toBe(4);
  });
});

it('is not notified of a new secret', async () => {
  const db = new SteadyCheck({ secrets: ['hunter22'] } as CheckSettings, new Error('login with hunter22 failed'));
  const { clock, registry, reload } = started({});
  reload({ db });
  await clock.advance(1);
  expect(registry.known('all').report('full').toString()).toContain('login with *** failed');
});

it('releases everything left by reloads when it stops', async () => {
  const checks = Array.from({ length: 5 }, (_, n) => made(String(n)));
  const { clock, registry, reload } = started({ db: checks[0] as CheckDefinition });
  for (const db of checks.slice(1)) reload({ db });
  await registry.stop();
  expect(checks.map(({ closed }) => closed)).toEqual([1, 1, 1, 1, 1]);
  expect(clock.timers).toBe(0);
});

describe('startup.grace', () => {
  it('counts from the start, even with a new value', async () => {
    const db = new ScriptedCheck({ timeout: 60_000 });
    const { clock, registry, reload } = started({ db });
    await clock.advance(5000);
    reload({ db }, { startupGrace: 10_000 });
    expect(registry.cachedStatus('startup').state).toBe('starting');
    await clock.advance(5000);
    expect(registry.cachedStatus('startup').state).toBe('unknown');
    reload({ db }, { startupGrace: 20_000 });
    expect(registry.cachedStatus('startup').state).toBe('starting');
    reload({ db }, { startupGrace: 10_000 });
    expect(registry.cachedStatus('startup').state).toBe('unknown');
  });
});
