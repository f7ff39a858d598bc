import { describe, expect, it } from '@jest/globals';
import type { Query } from '../../src/health/health.js';
import { registryOf } from './asking.js';
import { ScriptedCheck, SteadyCheck } from './scripted-check.js';

type Selection = Pick<Query, 'scope' | 'checks' | 'group'>;
const readiness: Selection = { scope: 'readiness' };

/** A registry with one check, and the notifications of its subscribers. */
function watched(check: SteadyCheck, options: Parameters<typeof registryOf>[1] = {}) {
  const { registry, clock } = registryOf({ db: check }, options);
  const watch = (selection = readiness) => {
    const notified: string[] = [];
    const watching = registry.watch(selection, () => notified.push(registry.stateOf('all')));
    return { notified, end: () => watching.end() };
  };
  return { registry, clock, watch };
}

describe('a check that runs only on demand', () => {
  const onDemand = () => new SteadyCheck({ interval: 0, maxAge: 1000, minInterval: 1 });

  it('runs once per max age while it is watched, with any number of watches', async () => {
    const check = onDemand();
    const { clock, watch } = watched(check);
    const watches = Array.from({ length: 1000 }, () => watch());
    await clock.advance(10_000);
    expect(check.runs).toBe(11);
    check.outcome = new Error('gone');
    await clock.advance(1000);
    expect(watches.filter(({ notified }) => notified.at(-1) === 'fail')).toHaveLength(1000);
  });

  it('is not run for a new watch while its result is fresh', async () => {
    const check = onDemand();
    const { clock, watch } = watched(check);
    for (let each = 0; each < 100; each++) {
      watch().end();
      await clock.advance(10);
    }
    expect(check.runs).toBe(1);
  });

  it('is not run after the last watch has ended', async () => {
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

  it('is run occasionally if no result satisfies a later request', async () => {
    const check = new SteadyCheck({ interval: 0, maxAge: 0 });
    const { clock, watch } = watched(check);
    watch();
    await clock.advance(10_000);
    expect(check.runs).toBe(3);
  });
});

describe('a check with an interval', () => {
  it('runs at its interval, with any number of watches', async () => {
    const check = new SteadyCheck({ interval: 5000, maxAge: 1000 });
    const { registry, clock, watch } = watched(check);
    registry.start();
    for (let each = 0; each < 100; each++) watch();
    await clock.advance(20_000);
    expect(check.runs).toBe(5);
  });
});

describe('a subscriber', () => {
  it('is notified only of changes of state or reason', async () => {
    const check = new SteadyCheck({ interval: 1000 });
    const { registry, clock, watch } = watched(check);
    registry.start();
    await clock.advance(0);
    const { notified } = watch({ scope: 'readiness', checks: ['db'] });
    await clock.advance(5000);
    expect(notified).toEqual([]);
    check.outcome = { status: 'fail', reason: 'timeout', output: 'late' };
    await clock.advance(3000);
    expect(notified).toEqual(['fail']);
    check.outcome = { status: 'fail', reason: 'refused', output: 'nobody there' };
    await clock.advance(3000);
    expect(notified).toEqual(['fail', 'fail']);
  });

  it('is notified when a result becomes older than the stale limit', async () => {
    const check = new SteadyCheck({ interval: 60_000, maxAge: 1000 });
    const { registry, clock, watch } = watched(check, { staleLimit: 3000 });
    registry.start();
    await clock.advance(0);
    const { notified } = watch();
    await clock.advance(4000);
    expect(notified).toEqual(['unknown']);
  });

  it('of startup is notified of its end, of readiness of draining, of liveness of nothing', async () => {
    const check = new SteadyCheck();
    const { registry, clock } = watched(check);
    const notified: string[] = [];
    const tell = (scope: Selection['scope']) => () => notified.push(`${scope} ${registry.cachedStatus(scope).state}`);
    for (const scope of ['startup', 'readiness', 'liveness'] as const) registry.watch({ scope }, tell(scope));
    registry.start();
    await clock.advance(0);
    registry.drain();
    expect(notified).toEqual(['startup pass', 'readiness pass', 'startup draining', 'readiness draining']);
  });

  it('of an unknown check is notified that it does not exist, and of nothing else', async () => {
    const { registry } = watched(new SteadyCheck());
    let notified = 0;
    const { answer } = registry.watch({ scope: 'readiness', checks: ['db', 'other'] }, () => notified++);
    registry.drain();
    expect([answer.state, notified]).toEqual(['not-found', 0]);
  });
});

const turn = () => new Promise((resolve) => setImmediate(resolve));
const MANY = 10_000;

describe('a change', () => {
  const failing = { status: 'fail', reason: 'refused' } as const;

  it('is reported to a bounded number of subscribers per turn, and to each once', async () => {
    const check = new SteadyCheck({ interval: 1000 });
    const { registry, clock, watch } = watched(check);
    registry.start();
    await clock.advance(0);
    const watches = Array.from({ length: MANY }, () => watch());
    const notified = () => watches.filter(({ notified }) => notified.length > 0).length;
    registry.drain();
    const counts = [notified()];
    while (notified() < MANY) {
      await turn();
      counts.push(notified());
    }
    expect(counts[0]).toBeGreaterThan(0);
    expect(counts.every((count, at) => count - (counts[at - 1] ?? 0) < MANY / 4)).toBe(true);
    expect(watches.every(({ notified }) => notified.length === 1)).toBe(true);
  });

  it('is evaluated for a bounded number of selections per turn', async () => {
    const clocked = registryOf(
      Object.fromEntries(Array.from({ length: 64 }, (_, n) => [`c${n}`, new SteadyCheck({ interval: 60_000 })])),
    );
    const { registry, clock } = clocked;
    registry.start();
    await clock.advance(0);
    let notified = 0;
    const names = Array.from({ length: 32 }, (_, n) => `c${n}`);
    for (let n = 32; n < 64; n++) {
      for (let m = 0; m < 32; m++) {
        registry.watch(
          { scope: 'readiness', checks: [...names.filter((_, at) => at !== m), `c${n}`] },
          () => notified++,
        );
      }
    }
    expect(registry.watchedSelections).toBe(1024);
    registry.drain();
    expect(notified).toBeGreaterThan(0);
    expect(notified).toBeLessThan(256);
    while (notified < 1024) await turn();
  });

  it('reaches the last subscriber, even if the state changes again in the meantime', async () => {
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
    expect(last.notified.length).toBeGreaterThan(0);
    check.outcome = { status: 'warn' };
    await clock.advance(10);
    while (last.notified.at(-1) !== 'warn') await turn();
  });

  it('is not sent to a later subscriber, and is sent immediately by notifyIfChanged', async () => {
    const { registry, clock, watch } = watched(new SteadyCheck({ interval: 1000 }));
    registry.start();
    await clock.advance(0);
    for (let each = 0; each < MANY; each++) watch();
    const notified: string[] = [];
    const looking = registry.watch(readiness, () => notified.push('looking'));
    registry.drain();
    registry.watch(readiness, () => notified.push('late'));
    expect(notified).toEqual([]);
    looking.notifyIfChanged();
    expect(notified).toEqual(['looking']);
    for (let each = 0; each < MANY / 256; each++) await turn();
    expect(notified).toEqual(['looking']);
  });
});

describe('watchable selections', () => {
  const checks = { a: new SteadyCheck(), b: new SteadyCheck(), c: new SteadyCheck() };
  const of = (...names: string[]): Selection => ({ scope: 'readiness', checks: names });

  it('count once for all their watches, with names in any order, up to the limit', () => {
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

  it('are those with names of existing checks', () => {
    const { registry } = registryOf(checks);
    const watch = (selection: Selection) => registry.watch(selection, () => {}, 0);
    expect(watch(of('a'))).toBeUndefined();
    expect(watch({ scope: 'liveness', checks: ['a'] })).toBeDefined();
    expect(watch({ scope: 'startup', group: 'all' })).toBeDefined();
    expect(watch(of('a', 'other'))?.answer.state).toBe('not-found');
    expect(registry.watchedSelections).toBe(0);
  });

  it('keep their meaning while other selections are requested', () => {
    const { registry } = registryOf(
      Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`c${n}`, new SteadyCheck()])),
    );
    registry.watch(of('c0'), () => {});
    for (let n = 1; n < 100; n++) registry.ask({ ...of(`c${n}`), timeout: 0, hops: 0 }, () => {});
    expect(registry.watch(of('c0'), () => {}, 1)).toBeDefined();
    expect(registry.watchedSelections).toBe(1);
  });
});

describe('a check that has become invalid', () => {
  it('is not sent to a new subscriber, and is sent to the others immediately', async () => {
    const hangs = new ScriptedCheck({ interval: 0, maxAge: 500, timeout: 100 });
    const { registry, clock } = registryOf({ hangs }, { staleLimit: 1000 });
    registry.start();
    for (let run = 0; run < 3; run++) {
      await clock.advance(1000);
      registry.ask({ ...readiness, timeout: 50, hops: 0 }, () => {});
    }
    await clock.advance(5000);
    let notified = 0;
    const watched = registry.watch(readiness, () => notified++);
    expect(notified).toBe(0);
    expect(watched.answer.state).toBe('fail');
    watched.end();
  });
});
