import { describe, expect, it } from '@jest/globals';
import type { CheckDefinition } from '../../src/health/check.js';
import { settle } from '../fake-clock.js';
import { registryOf } from './asking.js';
import { defined } from './defined.js';
import { ScriptedCheck } from './scripted-check.js';

interface Work {
  resolve(): void;
  reject(error: unknown): void;
}

/** A check whose `load` is settled by the test. */
function loaded(settings = {}) {
  const check = new ScriptedCheck(settings) as ScriptedCheck & CheckDefinition;
  const loads: Work[] = [];
  check.load = () => new Promise<void>((resolve, reject) => loads.push({ resolve, reject }));
  return { check, loads };
}

describe('load of a check', () => {
  it('does not count against the timeout: the first run starts when loading is done', async () => {
    const { check, loads } = loaded({ timeout: 100 });
    const { registry, clock, ask } = registryOf({ db: check });
    registry.start();
    await clock.advance(4000);
    expect(check.runs).toHaveLength(0);
    expect(ask({ timeout: 0 }).report().checks.db).toMatchObject([
      { state: 'unknown', reason: 'never-ran', output: 'still loading' },
    ]);
    loads[0]?.resolve();
    await settle();
    expect(check.last).toMatchObject({ deadline: 4100 });
    check.last.pass();
    await settle();
    expect(ask().state).toBe('pass');
    await registry.stop();
  });

  it('is called once, regardless of how many runs are requested during and after it', async () => {
    const { check, loads } = loaded({ interval: 0, maxAge: 0 });
    const { registry, clock, ask } = registryOf({ db: check });
    registry.start();
    for (let n = 0; n < 5; n++) ask();
    expect(loads).toHaveLength(1);
    loads[0]?.resolve();
    await settle();
    expect(check.runs).toHaveLength(1);
    check.last.pass();
    await clock.advance(200);
    ask();
    expect(check.runs).toHaveLength(2);
    expect(loads).toHaveLength(1);
    check.last.pass();
    await registry.stop();
  });

  it('delays no PING beyond its deadline, and the run that follows answers a PING that is still waiting', async () => {
    const { check, loads } = loaded();
    const { registry, clock, ask } = registryOf({ db: check });
    registry.start();
    const short = ask({ timeout: 300 });
    const long = ask({ timeout: 2000 });
    await clock.advance(300);
    expect(short.answer).toMatchObject({ state: 'unknown', stale: true });
    loads[0]?.resolve();
    await settle();
    check.last.pass();
    await settle();
    expect(long.answer).toMatchObject({ state: 'pass', stale: false });
    await registry.stop();
  });

  it('is called again for the next run if it rejects, and the failure is reported', async () => {
    const { check, loads } = loaded({ interval: 1000 });
    const { registry, clock, ask } = registryOf({ db: check });
    registry.start();
    loads[0]?.reject(new Error('Cannot find package mysql2'));
    await settle();
    expect(ask({ timeout: 0, maxAge: 9000 }).report().checks.db).toMatchObject([
      {
        state: 'fail',
        reason: 'internal',
        output: 'loading the check failed: Cannot find package mysql2',
      },
    ]);
    await clock.advance(1000);
    expect(loads).toHaveLength(2);
    loads[1]?.resolve();
    await settle();
    check.last.pass();
    await settle();
    expect(ask().state).toBe('pass');
    await registry.stop();
  });

  it('fails after its time limit if it never settles, is not called a second time, and may still settle', async () => {
    const { check, loads } = loaded();
    const { registry, clock, ask } = registryOf({ db: check });
    registry.start();
    await clock.advance(30_000);
    expect(ask({ timeout: 0 }).report().checks.db).toMatchObject([
      { state: 'fail', reason: 'internal', output: 'not loaded within 30 s' },
    ]);
    await clock.advance(120_000);
    expect(loads).toHaveLength(1);
    loads[0]?.resolve();
    await settle();
    expect(check.runs).toHaveLength(1);
    check.last.pass();
    await registry.stop();
  });

  it('delays the checks that have loaded by at most a second, because it may block the event loop', async () => {
    const [first, second] = [loaded({ timeout: 100 }), loaded({ timeout: 100 })];
    const { registry, clock } = registryOf({ first: first.check, second: second.check });
    registry.start();
    first.loads[0]?.resolve();
    await clock.advance(999);
    expect(first.check.runs).toHaveLength(0);
    await clock.advance(1);
    expect(first.check.runs).toHaveLength(1);
    second.loads[0]?.reject(new Error('no'));
    await settle();
    first.check.last.pass();
    await registry.stop();
    expect(clock.timers).toBe(0);
  });

  it('delays checks that load nothing, in any order and after a reload', async () => {
    const [plain, later] = [new ScriptedCheck({ timeout: 100 }), new ScriptedCheck({ timeout: 100 })];
    const [first, second] = [loaded(), loaded()];
    const { registry, clock } = registryOf({ plain, first: first.check });
    registry.start();
    await settle();
    expect(plain.runs).toHaveLength(0);
    await clock.advance(400);
    first.loads[0]?.resolve();
    await settle();
    expect(plain.last).toMatchObject({ deadline: 500 });
    plain.last.pass();
    first.check.last.pass();
    registry.reload({ checks: defined({ plain, later, second: second.check }) });
    expect(later.runs).toHaveLength(0);
    second.loads[0]?.resolve();
    await settle();
    expect(later.runs).toHaveLength(1);
    later.last.pass();
    second.check.last.pass();
    await registry.stop();
    expect(clock.timers).toBe(0);
  });

  it.each([
    ['ends', (work: Work) => work.resolve()],
    ['fails', (work: Work) => work.reject(new Error('no'))],
  ])('waits for other startup work, until it %s', async (_how, end) => {
    const check = new ScriptedCheck({ timeout: 100 });
    const { registry, clock } = registryOf({ check });
    registry.start(new Promise<void>((resolve, reject) => end({ resolve, reject })));
    expect(check.runs).toHaveLength(0);
    await settle();
    expect(check.last).toMatchObject({ deadline: 100 });
    check.last.pass();
    await registry.stop();
    expect(clock.timers).toBe(0);
  });

  it('starts no run after the service has stopped, and leaves no timer', async () => {
    const { check, loads } = loaded();
    const { registry, clock } = registryOf({ db: check });
    registry.start();
    await registry.stop();
    loads[0]?.resolve();
    await settle();
    expect(check.runs).toHaveLength(0);
    expect(clock.timers).toBe(0);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects with nothing', () => Promise.reject()],
    ['rejects with an unreadable value', () => Promise.reject(revoked())],
  ])('fails the check if it %s', async (_how, load) => {
    const check = Object.assign(new ScriptedCheck(), { load });
    const { registry, ask } = registryOf({ db: check });
    registry.start();
    await settle();
    expect(ask({ timeout: 0, maxAge: 9000 }).report().checks.db).toMatchObject([{ state: 'fail', reason: 'internal' }]);
    await registry.stop();
  });
});

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
