import { describe, expect, it } from '@jest/globals';
import type { Query } from '../../src/health/health.js';
import { registryOf } from './asking.js';
import { ScriptedCheck, SteadyCheck } from './scripted-check.js';

type Selection = Pick<Query, 'scope' | 'checks' | 'group'>;
const readiness: Selection = { scope: 'readiness' };

/** A registry of one check, and what those who watch it are told. */
function watched(check: SteadyCheck, options: Parameters<typeof registryOf>[1] = {}) {
  const { registry, clock } = registryOf({ db: check }, options);
  const watch = (selection = readiness) => {
    const told: string[] = [];
    const watching = registry.watch(selection, () => told.push(registry.stateOf('all')));
    return { told, end: () => watching.end() };
  };
  return { registry, clock, watch };
}

describe('a check that is run on demand only', () => {
  const onDemand = () => new SteadyCheck({ interval: 0, maxAge: 1000, minInterval: 1 });

  it('is run once per max age while it is watched, however many watch', async () => {
    const check = onDemand();
    const { clock, watch } = watched(check);
    const watches = Array.from({ length: 1000 }, () => watch());
    await clock.advance(10_000);
    expect(check.runs).toBe(11);
    check.outcome = new Error('gone');
    await clock.advance(1000);
    expect(watches.filter(({ told }) => told.at(-1) === 'fail')).toHaveLength(1000);
  });

  it('is not run by those who come while its result is young', async () => {
    const check = onDemand();
    const { clock, watch } = watched(check);
    for (let each = 0; each < 100; each++) {
      watch().end();
      await clock.advance(10);
    }
    expect(check.runs).toBe(1);
  });

  it('is left alone when the last of them has gone', async () => {
    const check = onDemand();
    const { clock, watch } = watched(check);
    const [first, second] = [watch(), watch()];
    await clock.advance(2000);
    first.end();
    first.end();
    await clock.advance(1000);
    expect(check.runs).toBe(4);
    second.end();
    await clock.advance(20_000);
    expect(check.runs).toBe(4);
    watch();
    await clock.advance(500);
    expect(check.runs).toBe(5);
  });

  it('is run now and then where no result satisfies a later caller', async () => {
    const check = new SteadyCheck({ interval: 0, maxAge: 0 });
    const { clock, watch } = watched(check);
    watch();
    await clock.advance(10_000);
    expect(check.runs).toBe(3);
  });
});

describe('a check with an interval', () => {
  it('is run by that, whoever watches', async () => {
    const check = new SteadyCheck({ interval: 5000, maxAge: 1000 });
    const { registry, clock, watch } = watched(check);
    registry.start();
    for (let each = 0; each < 100; each++) watch();
    await clock.advance(20_000);
    expect(check.runs).toBe(5);
  });
});

describe('who watches', () => {
  it('is told of another state and of another reason, and of nothing else', async () => {
    const check = new SteadyCheck({ interval: 1000 });
    const { registry, clock, watch } = watched(check);
    registry.start();
    await clock.advance(0);
    const { told } = watch({ scope: 'readiness', checks: ['db'] });
    await clock.advance(5000);
    expect(told).toEqual([]);
    check.outcome = { status: 'fail', reason: 'timeout', output: 'late' };
    await clock.advance(3000);
    expect(told).toEqual(['fail']);
    check.outcome = { status: 'fail', reason: 'refused', output: 'nobody there' };
    await clock.advance(3000);
    expect(told).toEqual(['fail', 'fail']);
  });

  it('is told when a result has become too old to count', async () => {
    const check = new SteadyCheck({ interval: 60_000, maxAge: 1000 });
    const { registry, clock, watch } = watched(check, { staleLimit: 3000 });
    registry.start();
    await clock.advance(0);
    const { told } = watch();
    await clock.advance(4000);
    expect(told).toEqual(['unknown']);
  });

  it('of startup is told that it has started, and of readiness that it drains, of liveness nothing', async () => {
    const check = new SteadyCheck();
    const { registry, clock } = watched(check);
    const told: string[] = [];
    const tell = (scope: Selection['scope']) => () => told.push(`${scope} ${registry.cachedStatus(scope).state}`);
    for (const scope of ['startup', 'readiness', 'liveness'] as const) registry.watch({ scope }, tell(scope));
    registry.start();
    await clock.advance(0);
    registry.drain();
    expect(told).toEqual(['startup pass', 'readiness pass', 'startup draining', 'readiness draining']);
  });

  it('of what does not exist is told that it does not, and nothing more', async () => {
    const { registry } = watched(new SteadyCheck());
    let told = 0;
    const { answer } = registry.watch({ scope: 'readiness', checks: ['db', 'other'] }, () => told++);
    registry.drain();
    expect([answer.state, told]).toEqual(['not-found', 0]);
  });
});

const turn = () => new Promise((resolve) => setImmediate(resolve));
const MANY = 10_000;

describe('a change', () => {
  const failing = { status: 'fail', reason: 'refused' } as const;

  it('of what very many watch is told to a part of them at once, and to each of them once', async () => {
    const check = new SteadyCheck({ interval: 1000 });
    const { registry, clock, watch } = watched(check);
    registry.start();
    await clock.advance(0);
    const watches = Array.from({ length: MANY }, () => watch());
    const told = () => watches.filter(({ told }) => told.length > 0).length;
    registry.drain();
    const counts = [told()];
    while (told() < MANY) {
      await turn();
      counts.push(told());
    }
    expect(counts[0]).toBeGreaterThan(0);
    expect(counts.every((count, at) => count - (counts[at - 1] ?? 0) < MANY / 4)).toBe(true);
    expect(watches.every(({ told }) => told.length === 1)).toBe(true);
  });

  it('of what very many selections hold is looked for in a part of them at once', async () => {
    const clocked = registryOf(
      Object.fromEntries(Array.from({ length: 64 }, (_, n) => [`c${n}`, new SteadyCheck({ interval: 60_000 })])),
    );
    const { registry, clock } = clocked;
    registry.start();
    await clock.advance(0);
    let told = 0;
    const names = Array.from({ length: 32 }, (_, n) => `c${n}`);
    for (let n = 32; n < 64; n++) {
      for (let m = 0; m < 32; m++) {
        registry.watch({ scope: 'readiness', checks: [...names.filter((_, at) => at !== m), `c${n}`] }, () => told++);
      }
    }
    expect(registry.watchedSelections).toBe(1024);
    registry.drain();
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThan(256);
    while (told < 1024) await turn();
  });

  it('is told to the last of them, however often it changes meanwhile', async () => {
    const check = new SteadyCheck({ interval: 10, maxAge: 5, minInterval: 1 });
    const { registry, clock, watch } = watched(check);
    registry.start();
    await clock.advance(0);
    for (let each = 0; each < MANY; each++) watch();
    const last = watch();
    for (let each = 0; each < 20; each++) {
      check.outcome = each % 2 === 0 ? failing : { status: 'pass' };
      await clock.advance(10);
    }
    expect(last.told.length).toBeGreaterThan(0);
    check.outcome = { status: 'warn' };
    await clock.advance(10);
    while (last.told.at(-1) !== 'warn') await turn();
  });

  it('is not told to one that came when it was seen, and to one that looks it is told at once', async () => {
    const { registry, clock, watch } = watched(new SteadyCheck({ interval: 1000 }));
    registry.start();
    await clock.advance(0);
    for (let each = 0; each < MANY; each++) watch();
    const told: string[] = [];
    const looking = registry.watch(readiness, () => told.push('looking'));
    registry.drain();
    registry.watch(readiness, () => told.push('late'));
    expect(told).toEqual([]);
    looking.notifyIfChanged();
    expect(told).toEqual(['looking']);
    for (let each = 0; each < MANY / 256; each++) await turn();
    expect(told).toEqual(['looking']);
  });
});

describe('the selections that may be watched', () => {
  const checks = { a: new SteadyCheck(), b: new SteadyCheck(), c: new SteadyCheck() };
  const of = (...names: string[]): Selection => ({ scope: 'readiness', checks: names });

  it('are counted once for all who watch them, in whatever order they are named, and no more than allowed', () => {
    const { registry } = registryOf(checks);
    const watch = (selection: Selection) => registry.watch(selection, () => {}, 2);
    const first = [watch(of('a', 'b')), watch(of('b', 'a', 'a')), watch(of('b', 'a'))];
    const second = watch(of('c'));
    expect(registry.watchedSelections).toBe(2);
    expect(watch(of('a'))).toBeUndefined();
    second?.end();
    second?.end();
    expect(watch(of('a'))).toBeDefined();
    for (const one of first) {
      expect(registry.watchedSelections).toBe(2);
      one?.end();
    }
    expect(registry.watchedSelections).toBe(1);
  });

  it('are those by names of checks that exist', () => {
    const { registry } = registryOf(checks);
    const watch = (selection: Selection) => registry.watch(selection, () => {}, 0);
    expect(watch(of('a'))).toBeUndefined();
    expect(watch({ scope: 'liveness', checks: ['a'] })).toBeDefined();
    expect(watch({ scope: 'startup', group: 'all' })).toBeDefined();
    expect(watch(of('a', 'other'))?.answer.state).toBe('not-found');
    expect(registry.watchedSelections).toBe(0);
  });

  it('stand for the same checks, however many others are asked for meanwhile', () => {
    const { registry } = registryOf(
      Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`c${n}`, new SteadyCheck()])),
    );
    registry.watch(of('c0'), () => {});
    for (let n = 1; n < 100; n++) registry.ask({ ...of(`c${n}`), timeout: 0, hops: 0 }, () => {});
    expect(registry.watch(of('c0'), () => {}, 1)).toBeDefined();
    expect(registry.watchedSelections).toBe(1);
  });
});

describe('a check that may not be run any more', () => {
  it('is no news to who begins to watch it, and is told at once', async () => {
    const hangs = new ScriptedCheck({ interval: 0, maxAge: 500, timeout: 100 });
    const { registry, clock } = registryOf({ hangs }, { staleLimit: 1000 });
    registry.start();
    for (let run = 0; run < 3; run++) {
      await clock.advance(1000);
      registry.ask({ ...readiness, timeout: 50, hops: 0 }, () => {});
    }
    await clock.advance(5000);
    let told = 0;
    const watched = registry.watch(readiness, () => told++);
    expect(told).toBe(0);
    expect(watched.answer.state).toBe('fail');
    watched.end();
  });
});
