import { afterEach, describe, expect, test } from '@jest/globals';
import { HealthHistory } from '../../../src/health/history/health-history.js';
import { CheckFailure } from '../../../src/health/reason.js';
import { registryOf } from '../asking.js';
import { type Checks, defined } from '../defined.js';
import { ScriptedCheck, SteadyCheck } from '../scripted-check.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let history: HealthHistory;
afterEach(() => history.close());

function recorded(checks: Checks) {
  const registry = registryOf(checks);
  history = new HealthHistory(registry.registry, registry.clock);
  return registry;
}

const times = (series: 'check' | 'group', name: string, count: number) =>
  history[series](name)
    ?.slots(count)
    .map((slot) => slot && [slot.worst, slot.knownMs, slot.unhealthyMs]);

describe('the history of checks', () => {
  test('is empty before the first result', async () => {
    const db = new ScriptedCheck();
    const { registry, clock } = recorded({ db });
    registry.start();
    await clock.advance(100);
    expect(history.check('db')).toBeUndefined();
    expect(history.group('readiness')).toBeUndefined();
    db.last.pass();
    await clock.advance(1000);
    expect(times('check', 'db', 1)).toEqual([['pass', 1000, 0]]);
    expect(times('group', 'readiness', 1)).toEqual([['pass', 1000, 0]]);
    expect(times('group', 'all', 1)).toEqual([['pass', 1000, 0]]);
  });

  test('counts runs as they end, and states after rise and fall', async () => {
    const db = new SteadyCheck({ interval: 20_000, fall: 2 });
    const { registry, clock } = recorded({ db });
    registry.start();
    await clock.advance(30_000);
    db.outcome = new CheckFailure('refused', 'no');
    await clock.advance(MINUTE);
    const [first, second] = history.check('db')?.slots(2) ?? [];
    expect(first).toMatchObject({ runs: 3, failures: 1, worst: 'pass', unhealthyMs: 0, minMs: 0, meanMs: 0, maxMs: 0 });
    expect(second).toMatchObject({ runs: 2, failures: 2, worst: 'fail', unhealthyMs: 30_000 });
  });

  test('a check that nothing requests has no data, and neither has its group; an unknown result is unhealthy', async () => {
    const db = new SteadyCheck({ interval: 0 });
    const { registry, clock, ask } = recorded({ db });
    registry.start();
    await clock.advance(MINUTE);
    db.outcome = { status: 'unknown', reason: 'custom' };
    ask();
    await clock.advance(MINUTE);
    const expected = [
      // The result counts for 30 s.
      ['pass', 30_001, 0],
      ['unknown', 30_001, 30_001],
      undefined,
    ];
    expect(times('check', 'db', 3)).toEqual(expected);
    expect(times('group', 'readiness', 3)).toEqual(expected);
  });

  test('a group that is unknown from the first result is unhealthy', async () => {
    const db = new SteadyCheck({ interval: 5000 }, { status: 'unknown', reason: 'custom' });
    const { registry, clock } = recorded({ db });
    registry.start();
    await clock.advance(10_000);
    expect(times('group', 'readiness', 1)).toEqual([['unknown', 10_000, 10_000]]);
  });

  test('draining ends the known time of groups, not of checks', async () => {
    const { registry, clock } = recorded({ db: new SteadyCheck({ interval: 5000 }) });
    registry.start();
    await clock.advance(10_000);
    registry.drain();
    await clock.advance(20_000);
    expect(times('group', 'readiness', 1)).toEqual([['draining', 10_000, 0]]);
    expect(history.group('readiness')?.availability(HOUR)).toBe(1);
    expect(times('check', 'db', 1)).toEqual([['pass', 30_000, 0]]);
  });
});

describe('a reload', () => {
  const settings = { interval: 5000, groups: ['readiness'] };

  test('removes the series of removed checks and groups, and keeps that of a replaced check', async () => {
    const { registry, clock } = recorded({
      db: new SteadyCheck({ ...settings, kind: 'one' }),
      gone: new SteadyCheck({ ...settings, groups: ['extra'] }),
    });
    registry.start();
    await clock.advance(MINUTE);
    expect(history.check('gone')).toBeDefined();
    expect(history.group('extra')).toBeDefined();
    registry.reload({ checks: defined({ db: new SteadyCheck({ ...settings, kind: 'other' }, { status: 'warn' }) }) });
    await clock.advance(MINUTE);
    expect(history.checks).toEqual(['db']);
    expect(history.check('gone')).toBeUndefined();
    expect(history.group('extra')).toBeUndefined();
    expect([...history.recorder.keys].sort()).toEqual(['check:db', 'group:all', 'group:readiness', 'group:startup']);
    expect(times('check', 'db', 3)).toEqual([
      ['pass', MINUTE, 0],
      ['warn', MINUTE, 0],
      ['warn', 0, 0],
    ]);
  });

  test('a run of a removed check that ends later leaves no data', async () => {
    const old = new ScriptedCheck(settings);
    const { registry, clock } = recorded({ db: new SteadyCheck(settings), old });
    registry.start();
    old.last.pass();
    await clock.advance(6000);
    registry.reload({ checks: defined({ db: new SteadyCheck(settings) }) });
    old.last.pass();
    await clock.advance(6000);
    expect(history.check('old')).toBeUndefined();
    expect(history.recorder.keys).not.toContain('check:old');
  });
});
