import { describe, expect, it, jest } from '@jest/globals';
import { Monitor } from '../../src/health/runs/monitor.js';
import { settle } from '../fake-clock.js';
import { type PendingRequest, registryOf } from './asking.js';
import { ScriptedCheck, SteadyCheck } from './scripted-check.js';

describe('freshness', () => {
  it('is given immediately, without a timer, if the result is within max age', async () => {
    const db = new SteadyCheck();
    const { registry, clock, ask } = registryOf({ db });
    registry.start();
    await clock.advance(1000);
    const after = jest.spyOn(clock, 'after');
    expect(ask()).toMatchObject({ answers: 1, answer: { state: 'pass', stale: false, age: 1000 } });
    expect(ask({ maxAge: 1000, checks: ['db'] })).toMatchObject({ answers: 1 });
    expect(after).not.toHaveBeenCalled();
    expect(db.runs).toBe(1);
  });

  it('requires a run if the result is older, and the end of the run answers', async () => {
    const db = new ScriptedCheck();
    const { registry, clock, ask } = registryOf({ db });
    registry.start();
    db.last.pass();
    await clock.advance(1001);
    const asked = ask();
    expect(asked.answers).toBe(0);
    expect(db.runs).toHaveLength(2);
    await clock.advance(60);
    db.last.result({ status: 'warn' });
    await settle();
    expect(asked).toMatchObject({ answers: 1, answer: { state: 'warn', stale: false, age: 60 } });
  });

  it('shares one run among all requests that wait for it', async () => {
    const db = new ScriptedCheck();
    const { clock, ask } = registryOf({ db });
    const asked = Array.from({ length: 100 }, () => ask());
    db.last.pass();
    await clock.advance(0);
    expect(asked.map(({ answers }) => answers)).toEqual(Array(100).fill(1));
    await clock.advance(999);
    expect(db.runs).toHaveLength(1);
  });

  it('is evaluated at the time of the request: a run that was recent enough then satisfies it whenever it ends', async () => {
    const db = new ScriptedCheck({ timeout: 5000, maxAge: 300 });
    const { registry, clock, ask } = registryOf({ db });
    registry.start();
    await clock.advance(300);
    const young = ask({ timeout: 9000 });
    await clock.advance(1);
    const old = ask({ timeout: 9000 });
    await clock.advance(3000);
    db.last.pass();
    await settle();
    expect(young).toMatchObject({ answers: 1, answer: { state: 'pass', stale: false, age: 3301 } });
    expect(old.answers).toBe(0);
    expect(db.runs).toHaveLength(2);
    db.last.pass();
    await settle();
    expect(old).toMatchObject({ answers: 1, answer: { stale: false, age: 0 } });
  });

  it('of 0 requires a run that starts after the request; a run of the same moment does not count', async () => {
    const db = new ScriptedCheck();
    const { registry, clock, ask } = registryOf({ db });
    registry.start();
    const asked = ask({ maxAge: 0 });
    db.last.pass();
    await settle();
    expect(asked.answers).toBe(0);
    await clock.advance(100);
    expect(db.runs).toHaveLength(2);
    db.last.pass();
    await settle();
    expect(asked).toMatchObject({ answers: 1, answer: { stale: false } });
  });

  it('is never given for a check whose own max age is 0', async () => {
    const db = new SteadyCheck({ maxAge: 0, interval: 0 });
    const { registry, clock, ask } = registryOf({ db });
    registry.start();
    await settle();
    expect(registry.cachedStatus('readiness').freshUntil).toBe(Number.NEGATIVE_INFINITY);
    const asked = ask();
    expect(asked.answers).toBe(0);
    await clock.advance(100);
    expect(asked.answers).toBe(1);
    expect(db.runs).toBe(2);
  });

  it('is evaluated with the max age of each check', async () => {
    const quick = new SteadyCheck({ maxAge: 500, interval: 0 });
    const slow = new SteadyCheck({ maxAge: 10_000, interval: 0 });
    const { registry, clock, ask } = registryOf({ quick, slow });
    registry.start();
    await clock.advance(600);
    const asked = ask();
    await settle();
    expect(asked.answers).toBe(1);
    expect([quick.runs, slow.runs]).toEqual([2, 1]);
  });

  it('requested by a caller is limited to the stale limit, or to the max age of the check if that is more', async () => {
    const short = new SteadyCheck({ interval: 0 });
    const long = new SteadyCheck({ interval: 0, maxAge: 60_000 });
    const { registry, clock, ask } = registryOf({ short, long });
    registry.start();
    await clock.advance(30_000);
    ask({ maxAge: 2 ** 31 - 1 });
    expect([short.runs, long.runs]).toEqual([1, 1]);
    await clock.advance(5);
    ask({ maxAge: 2 ** 31 - 1 });
    expect([short.runs, long.runs]).toEqual([2, 1]);
    await clock.advance(30_000);
    ask({ maxAge: 2 ** 31 - 1, checks: ['long'] });
    expect(long.runs).toBe(2);
  });
});

describe('a flood', () => {
  it('of 1,000 concurrent requests for a new run causes at most one run per minInterval', async () => {
    const db = new SteadyCheck({ minInterval: 100 });
    const { clock, ask } = registryOf({ db });
    const asked: PendingRequest[] = [];
    for (let at = 0; at < 1000; at += 10) {
      for (let caller = 0; caller < 1000; caller++) asked.push(ask({ maxAge: 0 }));
      await clock.advance(10);
    }
    await clock.advance(200);
    expect(db.runs).toBeLessThanOrEqual(12);
    expect(db.runs).toBeGreaterThanOrEqual(10);
    expect(asked.every(({ answers, answer }) => answers === 1 && answer?.state === 'pass' && !answer.stale)).toBe(true);
  });

  it('of requests that accept a recent result causes one run per max age', async () => {
    const db = new SteadyCheck({ maxAge: 1000 });
    const { clock, ask } = registryOf({ db });
    for (let at = 0; at < 10_000; at += 10) {
      ask();
      await clock.advance(10);
    }
    expect(db.runs).toBeLessThanOrEqual(10);
  });

  it('of canceled requests leaves nothing behind', async () => {
    const db = new ScriptedCheck({ timeout: 60_000, interval: 0 });
    const { clock, ask } = registryOf({ db });
    ask();
    const before = clock.timers;
    const forget = jest.spyOn(Monitor.prototype, 'removeWaiter');
    const asked = Array.from({ length: 1000 }, () => ask({ maxAge: 0 }));
    expect(clock.timers).toBe(before + 1000);
    for (const { withdraw } of asked) withdraw();
    expect(clock.timers).toBe(before);
    expect(forget).toHaveBeenCalledTimes(1000);
    forget.mockRestore();
    db.last.pass();
    await clock.advance(5000);
    expect(asked.every(({ answers }) => answers === 0)).toBe(true);
  });
});

describe('the deadline of a request', () => {
  it('returns the last known state, marked stale, and does not abort the run', async () => {
    const db = new ScriptedCheck({ timeout: 800 });
    const { registry, clock, ask } = registryOf({ db });
    registry.start();
    db.last.result({ status: 'warn' });
    await clock.advance(2000);
    const asked = ask({ timeout: 300 });
    await clock.advance(299);
    expect(asked.answers).toBe(0);
    await clock.advance(1);
    expect(asked).toMatchObject({ answers: 1, answer: { state: 'warn', stale: true, late: true, age: 2300 } });
    expect(db.last.signal.aborted).toBe(false);
    db.last.pass();
    await settle();
    expect(registry.stateOf('readiness')).toBe('pass');
    expect(asked.answers).toBe(1);
  });

  it('may be later than the timeout of the check: a hanging check answers at its timeout', async () => {
    const { clock, ask } = registryOf({ db: new ScriptedCheck({ timeout: 800 }) });
    const asked = ask({ timeout: 2000 });
    await clock.advance(800);
    expect(asked).toMatchObject({ answers: 1, answer: { state: 'fail', stale: false } });
    expect(asked.answer?.failing()).toEqual([{ name: 'db', adds: 'fail', reason: 'timeout' }]);
  });

  it('returns unknown if there has never been a result', async () => {
    const { clock, ask } = registryOf({ db: new ScriptedCheck() });
    const asked = ask({ timeout: 100 });
    await clock.advance(100);
    expect(asked).toMatchObject({ answer: { state: 'unknown', stale: true, age: 0 } });
    expect(asked.answer?.failing()).toEqual([{ name: 'db', adds: 'unknown', reason: 'never-ran' }]);
  });

  it('of 0 returns the current state, and starts a run if that is outdated', async () => {
    const db = new ScriptedCheck();
    const { registry, clock, ask } = registryOf({ db });
    registry.start();
    db.last.pass();
    await clock.advance(900);
    expect(ask({ timeout: 0 })).toMatchObject({ answers: 1, answer: { state: 'pass', stale: false } });
    await clock.advance(200);
    expect(db.runs).toHaveLength(1);
    expect(ask({ timeout: 0 })).toMatchObject({
      answers: 1,
      answer: { state: 'pass', stale: true, late: false, age: 1100 },
    });
    expect(db.runs).toHaveLength(2);
  });

  it('returns unknown if the last result is older than the stale limit', async () => {
    const db = new ScriptedCheck({ interval: 0 });
    const { registry, clock, ask } = registryOf({ db });
    registry.start();
    db.last.pass();
    await clock.advance(29_999);
    expect(ask({ timeout: 0 })).toMatchObject({ answer: { state: 'pass', stale: true } });
    const { registry: other, clock: otherClock, ask: askOther } = registryOf({ db: new SteadyCheck({ interval: 0 }) });
    other.start();
    await otherClock.advance(30_001);
    expect(askOther({ timeout: 0 })).toMatchObject({ answer: { state: 'unknown', stale: true, age: 0 } });
  });

  it('does not return unknown if an old result is within the max age of the check', async () => {
    const { registry, clock, ask } = registryOf({ disk: new SteadyCheck({ interval: 0, maxAge: 60_000 }) });
    registry.start();
    await clock.advance(59_000);
    expect(ask()).toMatchObject({ answers: 1, answer: { state: 'pass', stale: false, age: 59_000 } });
  });

  it('uses the age of the oldest result', async () => {
    const { registry, clock, ask } = registryOf({
      a: new SteadyCheck({ interval: 0, maxAge: 5000 }),
      b: new SteadyCheck({ interval: 0, maxAge: 200 }),
    });
    registry.start();
    await clock.advance(3000);
    const asked = ask();
    await settle();
    expect(asked).toMatchObject({ answer: { age: 3000, stale: false } });
  });

  it('is met by the slowest of several checks, which run concurrently', async () => {
    const a = new ScriptedCheck();
    const b = new ScriptedCheck();
    const { clock, ask } = registryOf({ a, b });
    const asked = ask();
    expect([a.runs.length, b.runs.length]).toEqual([1, 1]);
    await clock.advance(50);
    a.last.pass();
    await clock.advance(50);
    expect(asked.answers).toBe(0);
    b.last.pass();
    await settle();
    expect(asked.answers).toBe(1);
  });

  it('is not awaited if no run is possible because too many are hanging', async () => {
    const db = new ScriptedCheck({ timeout: 800 });
    const { registry, clock, ask } = registryOf({ db });
    registry.start();
    await clock.advance(20_000);
    expect(db.runs).toHaveLength(3);
    const asked = ask({ maxAge: 0 });
    await clock.advance(100);
    expect(asked).toMatchObject({ answers: 1, answer: { state: 'fail', stale: false } });
    await clock.advance(1000);
    expect(ask({ maxAge: 0 })).toMatchObject({ answers: 1, answer: { state: 'fail', stale: false, age: 0 } });
    expect(asked.report().checks.db[0]).toMatchObject({
      reason: 'timeout',
      output: '3 earlier runs are still hanging',
    });
  });
});

describe('a request that was forwarded by other responders', () => {
  it('never waits for a check of another responder, but starts a run if the result is outdated', async () => {
    const peer = new ScriptedCheck({ kind: 'pingpong', interval: 0 });
    const { registry, clock, ask } = registryOf({ peer });
    registry.start();
    expect(peer.last.hops).toBe(0);
    peer.last.pass();
    await clock.advance(900);
    expect(ask({ hops: 1 })).toMatchObject({ answers: 1, answer: { state: 'pass', stale: false } });
    await clock.advance(600);
    expect(ask({ hops: 1 })).toMatchObject({ answers: 1, answer: { state: 'pass', stale: true, late: false } });
    expect(peer.runs).toHaveLength(2);
    expect(peer.last.hops).toBe(1);
  });

  it('returns unknown if the latest result is beyond the stale limit', async () => {
    const peer = new ScriptedCheck({ kind: 'pingpong', interval: 0 });
    const { clock, ask } = registryOf({ peer });
    expect(ask({ hops: 1 })).toMatchObject({ answers: 1, answer: { state: 'unknown', stale: true } });
    peer.last.pass();
    await clock.advance(30_001);
    expect(ask({ hops: 1 })).toMatchObject({ answers: 1, answer: { state: 'unknown', stale: true } });
  });

  it('starts no such run after four hops', async () => {
    const peer = new ScriptedCheck({ kind: 'pingpong', interval: 0 });
    const { registry, clock, ask } = registryOf({ peer });
    registry.start();
    peer.last.pass();
    await clock.advance(2000);
    expect(ask({ hops: 4 })).toMatchObject({ answers: 1, answer: { state: 'pass', stale: true } });
    expect(peer.runs).toHaveLength(1);
    ask({ hops: 3 });
    expect(peer.runs).toHaveLength(2);
  });

  it('waits for every other check', async () => {
    const peer = new ScriptedCheck({ kind: 'pingpong', interval: 0 });
    const db = new ScriptedCheck({ interval: 0 });
    const { ask } = registryOf({ peer, db });
    const asked = ask({ hops: 2 });
    expect(asked.answers).toBe(0);
    db.last.pass();
    await settle();
    expect(asked).toMatchObject({ answers: 1, answer: { state: 'unknown', stale: true } });
  });

  it('is not stale if the run has ended in the meantime', async () => {
    const peer = new ScriptedCheck({ kind: 'pingpong', interval: 0 });
    const db = new ScriptedCheck({ interval: 0 });
    const { ask } = registryOf({ peer, db });
    const asked = ask({ hops: 2 });
    peer.last.pass();
    await settle();
    db.last.pass();
    await settle();
    expect(asked).toMatchObject({ answers: 1, answer: { state: 'pass', stale: false } });
  });

  it('waits for that check if no responder is in between', async () => {
    const peer = new ScriptedCheck({ kind: 'pingpong', interval: 0 });
    const { ask } = registryOf({ peer });
    const asked = ask({ hops: 0 });
    expect(asked.answers).toBe(0);
    peer.last.pass();
    await settle();
    expect(asked).toMatchObject({ answers: 1, answer: { state: 'pass', stale: false } });
  });
});

describe('an answer', () => {
  it('is given once to each request, even if the callback of another one throws', async () => {
    const db = new ScriptedCheck({ interval: 0 });
    const { registry, clock, ask } = registryOf({ db });
    const thrown: unknown[] = [];
    const queue = jest.spyOn(globalThis, 'queueMicrotask').mockImplementation((callback) => {
      try {
        callback();
      } catch (error) {
        thrown.push(error);
      }
    });
    const bug = new Error('a bug of the caller');
    registry.ask({ scope: 'readiness', timeout: 2000, hops: 0 }, () => {
      throw bug;
    });
    const other = ask();
    const next = ask({ maxAge: 0 });
    db.last.pass();
    await clock.advance(100);
    db.last.pass();
    await settle();
    queue.mockRestore();
    expect([other.answers, next.answers]).toEqual([1, 1]);
    expect(thrown).toEqual([bug]);
  });

  it('may cancel other requests that wait for the same run', async () => {
    const db = new ScriptedCheck({ interval: 0 });
    const { registry, ask } = registryOf({ db });
    const later: PendingRequest[] = [];
    registry.ask({ scope: 'readiness', timeout: 2000, hops: 0 }, () => later[0]?.withdraw());
    later.push(ask());
    db.last.pass();
    await settle();
    expect(later[0]?.answers).toBe(0);
  });

  it('may send the next request', async () => {
    const db = new ScriptedCheck({ interval: 0 });
    const { registry, clock, ask } = registryOf({ db });
    const next: PendingRequest[] = [];
    registry.ask({ scope: 'readiness', timeout: 2000, hops: 0 }, () => next.push(ask({ maxAge: 0 })));
    db.last.pass();
    await clock.advance(100);
    expect(db.runs).toHaveLength(2);
    db.last.pass();
    await settle();
    expect(next[0]?.answers).toBe(1);
  });
});
