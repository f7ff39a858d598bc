import { describe, expect, it } from '@jest/globals';
import { settle } from '../fake-clock.js';
import { mirrored } from '../threads/mirrored.js';
import { defined } from './defined.js';
import { ScriptedCheck, SteadyCheck } from './scripted-check.js';

/** A started registry with the check `db`, and a mirror of the registry. */
async function started(db: SteadyCheck | ScriptedCheck, staleLimit?: number) {
  const { registry, mirror, clock } = await mirrored({ db }, { ...(staleLimit && { staleLimit }) });
  registry.start();
  await settle();
  return {
    registry,
    clock,
    /** The own result, which must be the same in the registry and the mirror. */
    own: (check = 'db') => {
      expect(mirror.own(check)).toEqual(registry.own(check));
      return registry.own(check);
    },
    reload: async (check: SteadyCheck) => {
      registry.reload({ checks: defined({ db: check }), ...(staleLimit && { staleLimit }) });
      await settle();
    },
  };
}

const failing = new Error('broken');

describe('the own result of a check', () => {
  it('does not exist for an unknown check', async () => {
    const { own } = await started(new SteadyCheck());
    expect(own('other')).toBeUndefined();
  });

  it('is unknown without an age before the first result', async () => {
    const { own } = await started(new ScriptedCheck());
    expect(own()).toEqual({ state: 'unknown', age: undefined, hasPassed: false });
  });

  it('has the age since the start of its run', async () => {
    const { own, clock } = await started(new SteadyCheck());
    await clock.advance(700);
    expect(own()).toEqual({ state: 'pass', age: 700, hasPassed: true });
  });

  it.each(['pass', 'warn', 'fail', 'unknown'] as const)('is the status of the run: %s', async (status) => {
    const { own } = await started(new SteadyCheck({}, { status }));
    expect(own()).toEqual({ state: status, age: 0, hasPassed: status === 'pass' || status === 'warn' });
  });

  it.each(['fail', 'warn'] as const)('is unknown if a %s only reflects this service itself', async (status) => {
    const { own } = await started(new SteadyCheck({}, { status, reason: 'loop' }));
    expect(own()).toEqual({ state: 'unknown', age: 0, hasPassed: false });
  });

  it('changes before fall and rise, and without critical', async () => {
    const db = new SteadyCheck({ fall: 3, rise: 2, interval: 1000, critical: false });
    const { registry, own, clock } = await started(db);
    db.outcome = failing;
    await clock.advance(1000);
    expect(own()).toEqual({ state: 'fail', age: 0, hasPassed: true });
    expect(registry.checks[0]?.state).toBe('pass');
    await clock.advance(2000);
    expect(registry.checks[0]?.state).toBe('fail');
    db.outcome = { status: 'warn' };
    await clock.advance(1000);
    expect(own()).toEqual({ state: 'warn', age: 0, hasPassed: true });
    expect(registry.checks[0]?.state).toBe('fail');
  });

  it('is not changed by a drain', async () => {
    const { registry, own } = await started(new SteadyCheck());
    registry.drain();
    await settle();
    expect(own()).toMatchObject({ state: 'pass' });
  });

  it('is unknown when it is older than the stale limit, and remembers that the check has passed', async () => {
    const db = new SteadyCheck({ interval: 0, maxAge: 100 });
    const { own, clock } = await started(db, 2000);
    await clock.advance(2000);
    expect(own()).toEqual({ state: 'pass', age: 2000, hasPassed: true });
    await clock.advance(1);
    expect(own()).toEqual({ state: 'unknown', age: undefined, hasPassed: true });
    expect(db.runs).toBe(1);
  });

  it('restarts when a reload replaces the check, but not when it changes settings', async () => {
    const db = new SteadyCheck();
    const { own, reload, clock } = await started(db);
    await reload(Object.assign(db, { fall: 2 }));
    expect(own()).toMatchObject({ state: 'pass', hasPassed: true });
    await reload(new SteadyCheck({}, failing));
    await clock.advance(100);
    expect(own()).toEqual({ state: 'fail', age: 0, hasPassed: false });
  });

  it('belongs to no run until the replacement has one', async () => {
    const { registry, own } = await started(new SteadyCheck());
    registry.reload({ checks: defined({ db: new ScriptedCheck() }) });
    await settle();
    expect(own()).toEqual({ state: 'unknown', age: undefined, hasPassed: false });
    expect(registry.checks[0]?.state).toBe('pass');
  });
});

describe('update listeners', () => {
  it('see the result of a run before it counts', async () => {
    const db = new SteadyCheck({ interval: 1000 });
    const { registry, clock } = await started(db);
    const seen: unknown[] = [];
    registry.onUpdate((member) => seen.push([registry.own('db')?.state, member?.state]));
    db.outcome = failing;
    await clock.advance(1000);
    expect(seen).toEqual([
      ['fail', 'pass'],
      ['fail', 'fail'],
    ]);
  });
});
