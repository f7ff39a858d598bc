import { describe, expect, it } from '@jest/globals';
import type { Selection } from '../../src/health/health.js';
import type { Registry } from '../../src/health/query/registry.js';
import type { Mirror } from '../../src/threads/mirror.js';
import { settle } from '../fake-clock.js';
import { peersThat, registryOf } from '../health/asking.js';
import { defined } from '../health/defined.js';
import { ScriptedCheck, SteadyCheck } from '../health/scripted-check.js';
import { mirrored, mirrorOf, reportOf } from './mirrored.js';

const warning = { status: 'warn', reason: 'lag', output: '7 s behind', observedValue: 7, observedUnit: 's' } as const;

/** The answers of the registry and the mirror for a selection, with the report. */
function both(registry: Registry, mirror: Mirror, selection: Selection) {
  const [ofRegistry, ofMirror] = [registry, mirror].map((health) => {
    let known: object | undefined;
    health.ask({ timeout: 0, hops: 0, ...selection }, ({ state, stale, age, report }) => {
      void report;
      known = { state, stale, age };
    });
    let report: unknown;
    health.ask({ timeout: 0, hops: 0, ...selection }, (answer) => {
      report = reportOf(answer);
    });
    return { ...known, report };
  });
  return { ofRegistry, ofMirror };
}

describe('a mirror of the main thread’s health', () => {
  it('answers from the latest results without a message', async () => {
    const { registry, ask, sent, clock } = await mirrored({
      db: new SteadyCheck(),
      cache: new SteadyCheck({}, warning),
    });
    registry.start();
    await settle();
    const { updates } = sent;
    await clock.advance(100);
    expect(ask().answer).toMatchObject({ state: 'warn', stale: false, age: 100 });
    expect(sent).toEqual({ updates, demands: 0 });
  });

  it.each<[string, Selection]>([
    ['readiness', { scope: 'readiness' }],
    ['liveness', { scope: 'liveness' }],
    ['startup', { scope: 'startup' }],
    ['a group', { scope: 'readiness', group: 'b' }],
    ['all checks', { scope: 'readiness', group: 'all' }],
    ['checks by name', { scope: 'readiness', checks: ['cache', 'db'] }],
    ['an unknown check', { scope: 'readiness', checks: ['none'] }],
    ['an unknown group', { scope: 'readiness', group: 'none' }],
    ['the group startup, as any other one', { scope: 'readiness', group: 'startup' }],
    ['checks for startup', { scope: 'startup', checks: ['unrun'] }],
    ['a group for startup', { scope: 'startup', group: 'b' }],
    ['no group of the name liveness', { scope: 'startup', group: 'liveness' }],
    ['liveness of what does not exist', { scope: 'liveness', checks: ['none'] }],
  ])('answers and reports like the registry: %s', async (_, selection) => {
    const checks = {
      db: new SteadyCheck({ groups: ['readiness', 'b'] }, new Error('broken')),
      cache: new SteadyCheck({ critical: false, rise: 2, groups: ['b'] }, warning),
      unrun: new ScriptedCheck(),
    };
    const { registry, mirror } = await mirrored(checks, { serviceId: 'shop', releaseId: '7' });
    registry.start();
    await settle();
    const { ofRegistry, ofMirror } = both(registry, mirror, selection);
    expect(ofMirror).toEqual(ofRegistry);
  });

  it('answers startup immediately, never as stale, and starts its runs', async () => {
    const db = new SteadyCheck({ groups: ['startup'], interval: 0 }, { status: 'fail' });
    const { registry, ask, clock } = await mirrored({ db });
    registry.start();
    await clock.advance(2000);
    db.outcome = { status: 'pass' };
    expect(ask({ scope: 'startup' })).toMatchObject({ answers: 1, answer: { state: 'starting', stale: false } });
    await settle();
    expect(db.runs).toBe(2);
    expect(ask({ scope: 'startup', maxAge: 0 })).toMatchObject({ answers: 1, answer: { state: 'pass', stale: false } });
    await settle();
    expect(db.runs).toBe(2);
  });

  it('starts one run for all queries of a turn that need a newer result', async () => {
    const db = new ScriptedCheck({ interval: 0 });
    const { registry, ask, clock, sent } = await mirrored({ db });
    registry.start();
    db.last.pass();
    await clock.advance(500);
    const asked = Array.from({ length: 1000 }, () => ask({ maxAge: 0 }));
    await settle();
    expect(db.runs).toHaveLength(2);
    expect(sent.demands).toBe(1);
    db.last.result(warning);
    await settle();
    expect(new Set(asked.map(({ answer }) => `${answer?.state} ${answer?.stale}`))).toEqual(new Set(['warn false']));
    expect(asked.every(({ answers }) => answers === 1)).toBe(true);
  });

  it('shares a run in progress that is young enough', async () => {
    const db = new ScriptedCheck({ interval: 0 });
    const { registry, ask, clock } = await mirrored({ db });
    registry.start();
    await clock.advance(100);
    const [young, old] = [ask({ maxAge: 200 }), ask({ maxAge: 50 })];
    await settle();
    expect(db.runs).toHaveLength(1);
    db.last.pass();
    await settle();
    expect(young).toMatchObject({ answers: 1, answer: { state: 'pass', stale: false } });
    expect(old.answers).toBe(0);
    db.last.pass();
    await clock.advance(100);
    db.last.pass();
    await settle();
    expect(old).toMatchObject({ answers: 1, answer: { state: 'pass', stale: false } });
  });

  it('answers at the deadline, stale, while the main thread is blocked, and sends one demand for it', async () => {
    const db = new ScriptedCheck({ interval: 0 });
    const { registry, ask, clock, sent, block, unblock } = await mirrored({ db });
    registry.start();
    db.last.pass();
    await clock.advance(2000);
    block();
    const asked = ask({ timeout: 300 });
    for (let i = 0; i < 100; i++) {
      ask({ timeout: 300 });
      await clock.advance(1);
    }
    await clock.advance(199);
    expect(asked.answers).toBe(0);
    await clock.advance(1);
    expect(asked.answer).toMatchObject({ state: 'pass', stale: true, late: true });
    expect(reportOf(asked.answer).checks.db[0]).toMatchObject({ state: 'pass', stale: true });
    expect(sent.demands).toBe(1);
    unblock();
    await settle();
    expect(db.runs).toHaveLength(2);
  });

  it('drops results that are too old to count, although the main thread is blocked', async () => {
    const { registry, mirror, ask, watch, clock } = await mirrored(
      { db: new SteadyCheck({ interval: 0 }) },
      { staleLimit: 5000 },
    );
    registry.start();
    await settle();
    const { states } = watch();
    clock.jump(5001);
    mirror.expire();
    expect(ask({ timeout: 0 }).answer).toMatchObject({ state: 'unknown' });
    expect(states).toEqual(['unknown']);
  });

  it('ends a verdict on a failure after max age and interval, although the main thread is blocked', async () => {
    const db = new SteadyCheck({ interval: 2000, maxAge: 3000, onShared: 'warn' });
    const peers = peersThat(() => ({ asked: 4, answered: 3, failing: 3 }));
    const { registry, mirror, ask, watch, clock } = await mirrored({ db }, { peers });
    registry.start();
    await settle();
    db.outcome = new Error('broken');
    await clock.advance(2000);
    const { states } = watch();
    expect(ask({ timeout: 0 }).answer).toMatchObject({ state: 'warn' });
    clock.jump(4999);
    mirror.expire();
    expect(ask({ timeout: 0 }).answer).toMatchObject({ state: 'warn' });
    clock.jump(1);
    mirror.expire();
    const { answer } = ask({ timeout: 0 });
    expect(reportOf(answer)).toMatchObject({
      state: 'fail',
      causes: [{ check: 'db', state: 'fail', fate: 'unknown', peers: { asked: 4, answered: 3, failing: 3 } }],
    });
    mirror.expire();
    expect(states).toEqual(['fail']);
  });

  it('notifies subscribers, and keeps a check without an interval running for them', async () => {
    const db = new SteadyCheck({ interval: 0, maxAge: 1000 });
    const { registry, watch, clock } = await mirrored({ db });
    registry.start();
    await settle();
    const { states, subscription } = watch();
    await clock.advance(10_000);
    expect(db.runs).toBeGreaterThan(8);
    db.outcome = new Error('broken');
    await clock.advance(1100);
    expect(states).toEqual(['fail']);
    subscription.end();
    await clock.advance(1100);
    const { runs } = db;
    await clock.advance(10_000);
    expect(db.runs).toBe(runs);
  });

  it('stops the runs for the subscribers of a thread that has ended', async () => {
    const db = new SteadyCheck({ interval: 0, maxAge: 1000 });
    const { registry, publisher, watch, clock } = await mirrored({ db });
    registry.start();
    await settle();
    watch();
    await clock.advance(3000);
    publisher.close();
    const { runs } = db;
    await clock.advance(10_000);
    expect(db.runs).toBeLessThanOrEqual(runs + 1);
  });

  it('follows a reload, also for waiting queries and subscribers', async () => {
    const [db, cache] = [new ScriptedCheck({ interval: 0 }), new SteadyCheck()];
    const { registry, mirror, ask, watch, clock } = await mirrored({ db, cache });
    registry.start();
    db.last.pass();
    await clock.advance(2000);
    const waiting = ask({ maxAge: 0 });
    const { states } = watch({ checks: ['queue'] });
    await settle();
    registry.reload({
      checks: defined({ cache, queue: new SteadyCheck({ groups: ['readiness', 'new'] }) }),
      serviceId: 'b',
    });
    await clock.advance(200);
    expect(waiting).toMatchObject({ answers: 1, answer: { state: 'pass' } });
    expect(states).toEqual(['unknown', 'pass']);
    for (const selection of [{}, { group: 'new' }, { group: 'all' }, { checks: ['queue'] }, { checks: ['db'] }]) {
      const { ofRegistry, ofMirror } = both(registry, mirror, { scope: 'readiness', ...selection });
      expect(ofMirror).toEqual(ofRegistry);
    }
  });

  it('answers queries that wait for a removed check without the state of that check', async () => {
    const [db, cache] = [new ScriptedCheck({ interval: 0 }), new SteadyCheck()];
    const { registry, ask, clock } = await mirrored({ db, cache });
    registry.start();
    db.last.fail(new Error('broken'));
    await clock.advance(500);
    const waiting = ask({ maxAge: 0 });
    await settle();
    expect(waiting.answers).toBe(0);
    registry.reload({ checks: defined({ cache }) });
    await settle();
    expect(waiting.answer).toMatchObject({ state: 'pass', stale: false });
  });

  it('keeps a check running for subscribers that was removed and added between two updates', async () => {
    const db = new SteadyCheck({ interval: 0, maxAge: 1000 });
    const { registry, watch, clock } = await mirrored({ db });
    registry.start();
    await settle();
    watch({ checks: ['db'] });
    await clock.advance(100);
    registry.reload({ checks: [] });
    registry.reload({ checks: defined({ db }) });
    await clock.advance(100);
    const { runs } = db;
    await clock.advance(10_000);
    expect(db.runs).toBeGreaterThan(runs + 8);
  });

  it('follows startup and draining', async () => {
    const db = new ScriptedCheck({ groups: ['readiness', 'startup'] });
    const { registry, ask } = await mirrored({ db });
    registry.start();
    await settle();
    expect(ask({ scope: 'startup', timeout: 0 }).answer?.state).toBe('starting');
    db.last.pass();
    await settle();
    expect(ask({ scope: 'startup', timeout: 0 }).answer?.state).toBe('pass');
    registry.drain();
    await settle();
    expect(ask().answer).toMatchObject({ state: 'draining', stale: false });
    expect(ask({ checks: ['none'] }).answer?.state).toBe('not-found');
    expect(ask({ scope: 'liveness' }).answer?.state).toBe('pass');
  });

  it('receives everything immediately, before a later message', async () => {
    const { registry, clock } = registryOf({ db: new SteadyCheck() });
    expect(mirrorOf(registry, clock).sent.updates).toBe(1);
  });

  it('has one update in flight', async () => {
    const db = new SteadyCheck({ interval: 10, minInterval: 1 });
    const { registry, clock, ask, sent, block, unblock } = await mirrored({ db });
    registry.start();
    await settle();
    block();
    await clock.advance(100);
    const { updates } = sent;
    await clock.advance(10_000);
    expect(sent.updates).toBe(updates);
    unblock();
    await settle();
    expect(ask().answer?.age).toBeLessThan(20);
  });

  it('receives a change before a message that must not overtake it, even with an update in flight', async () => {
    const db = new SteadyCheck({ interval: 10, minInterval: 1 });
    const { registry, publisher, clock, ask, sent, block, unblock } = await mirrored({ db });
    registry.start();
    await settle();
    block();
    await clock.advance(100);
    const { updates } = sent;
    registry.drain();
    publisher.sendNow();
    await settle();
    expect(ask().answer?.state).toBe('draining');
    publisher.sendNow();
    await clock.advance(1000);
    expect(sent.updates).toBe(updates + 1);
    unblock();
    await clock.advance(100);
    expect(sent.updates).toBeGreaterThan(updates + 1);
  });
});

describe('a mirror while the event loop of the main thread is blocked', () => {
  const since = Date.UTC(2026, 0, 2);
  const readinessOnly = { isReadinessBlocked: true, isLivenessBlocked: false, blockedSince: since };
  const everything = { ...readinessOnly, isLivenessBlocked: true };
  const turning = { isReadinessBlocked: false, isLivenessBlocked: false, blockedSince: since };

  async function running() {
    const parts = await mirrored({ db: new SteadyCheck({ interval: 0 }) }, { serviceId: 'shop' });
    parts.registry.start();
    await settle();
    return parts;
  }

  it('reports readiness as fail immediately, with a cause, although results are too old', async () => {
    const { mirror, ask, clock, sent } = await running();
    clock.jump(2500);
    mirror.setLoop(readinessOnly);
    for (const selection of [{}, { group: 'all' }, { checks: ['db'] }]) {
      const { answer } = ask(selection);
      expect(answer).toMatchObject({ state: 'fail', stale: false, late: false });
      expect(reportOf(answer)).toMatchObject({
        status: 'fail',
        state: 'fail',
        causes: [
          {
            instance: 'me',
            service: 'shop',
            via: [],
            check: 'event-loop',
            state: 'fail',
            reason: 'loop-blocked',
            output: 'the event loop has been blocked since 2026-01-02T00:00:00.000Z',
          },
        ],
        checks: { db: [{ state: 'pass' }] },
      });
      expect(reportOf(answer, 'chain')).toEqual({
        instance: 'me',
        state: 'fail',
        causes: [{ instance: 'me', via: [] }],
      });
    }
    expect(sent.demands).toBe(0);
    expect(ask().answer?.failing()).toEqual([{ name: 'event-loop', adds: 'fail', reason: 'loop-blocked' }]);
    expect(ask({ scope: 'liveness' }).answer?.state).toBe('pass');
    expect(ask({ scope: 'startup' }).answer?.state).toBe('pass');
    expect(ask({ checks: ['none'] }).answer?.state).toBe('not-found');
  });

  it('reports liveness as fail only after its own limit', async () => {
    const { mirror, ask } = await running();
    mirror.setLoop(everything);
    const { answer } = ask({ scope: 'liveness' });
    expect(answer).toMatchObject({ state: 'fail', stale: false });
    expect(reportOf(answer).causes).toMatchObject([{ reason: 'loop-blocked' }]);
    mirror.setLoop(turning);
    expect(ask({ scope: 'liveness' }).answer?.state).toBe('pass');
    expect(ask().answer?.state).toBe('pass');
  });

  it('answers waiting queries for readiness when the limit passes', async () => {
    const db = new ScriptedCheck({ groups: ['readiness', 'startup'] });
    const { registry, mirror, ask, clock } = await mirrored({ db });
    registry.start();
    await clock.advance(10);
    const [readiness, ofCheck] = [ask(), ask({ scope: 'startup', checks: ['db'] })];
    expect([readiness.answers, ofCheck.answers]).toEqual([0, 0]);
    mirror.setLoop(readinessOnly);
    expect(readiness).toMatchObject({ answers: 1, answer: { state: 'fail', stale: false } });
    expect(ofCheck).toMatchObject({ answers: 1, answer: { state: 'fail', stale: false } });
    expect(ask({ scope: 'startup' }).answer).toMatchObject({ state: 'starting', stale: false });
  });

  it('keeps the state draining', async () => {
    const { registry, mirror, ask } = await running();
    registry.drain();
    await settle();
    mirror.setLoop(everything);
    expect(ask().answer?.state).toBe('draining');
    expect(ask({ scope: 'startup' }).answer?.state).toBe('draining');
    expect(ask({ scope: 'liveness' }).answer?.state).toBe('fail');
  });

  it('notifies subscribers of both scopes', async () => {
    const { mirror, watch } = await running();
    const [readiness, liveness] = [watch(), watch({ scope: 'liveness' })];
    mirror.setLoop(readinessOnly);
    mirror.setLoop(everything);
    mirror.setLoop(turning);
    expect(readiness.states).toEqual(['fail', 'pass']);
    expect(liveness.states).toEqual(['fail', 'pass']);
  });
});
