import { afterEach, describe, expect, it } from '@jest/globals';
import { Registry } from '../../src/health/query/registry.js';
import { FakeClock, settle } from '../fake-clock.js';
import { defined } from '../health/defined.js';
import { ScriptedCheck, SteadyCheck } from '../health/scripted-check.js';
import { ask } from './asking.js';
import { closeAll, serve } from './served.js';
import { until } from './until.js';

afterEach(closeAll);

const scopeOf = { '/livez': 'liveness', '/readyz': 'readiness', '/startupz': 'startup' };

describe.each(Object.entries(scopeOf))('%s', (path, scope) => {
  it(`queries ${scope}, and waits less than 900 ms`, async () => {
    const { url, health } = await serve();
    const answer = ask(url + path);
    await until(() => health.asked.length > 0);
    expect(health.asked[0]!.query).toEqual({ scope, timeout: 850, hops: 0 });
    health.settle('pass');
    expect(await answer).toMatchObject({ status: 200, json: { status: 'pass', state: 'pass' } });
  });

  it.each([
    ['pass', 200, 'pass'],
    ['warn', 200, 'warn'],
    ['fail', 503, 'fail'],
    ['unknown', 503, 'fail'],
    ['draining', 503, 'fail'],
    ['starting', 503, 'fail'],
    ['not-found', 404, 'fail'],
  ] as const)('answers %s with %i', async (state, code, status) => {
    const { url, health } = await serve();
    health.atOnce = state;
    const answer = await ask(url + path);
    expect(answer.status).toBe(code);
    expect(answer.json).toEqual({ status, state });
    expect(answer.headers['content-type']).toMatch(/^application\/json\b/);
    expect(answer.headers['cache-control']).toBe('no-store');
    const head = await ask(url + path, { method: 'HEAD' });
    expect([head.status, head.text]).toEqual([code, '']);
  });
});

describe('the probes of a real registry', () => {
  it('distinguish a start, a failure and draining', async () => {
    const clock = new FakeClock();
    const db = new ScriptedCheck({ interval: 0, maxAge: 0, timeout: 100 });
    const health = new Registry({ checks: defined({ db }), clock, random: () => 0 });
    const { url } = await serve({ health });
    const state = async (path: string) => {
      const { status, json } = await ask(url + path);
      return `${status} ${json.state}`;
    };
    expect(await state('/livez')).toBe('200 pass');
    expect(db.runs).toHaveLength(0);

    expect(await state('/startupz')).toBe('503 starting');
    expect(db.runs).toHaveLength(1);
    await clock.advance(50);
    db.last.result({ status: 'fail', reason: 'refused' });
    await settle();
    expect(await state('/startupz')).toBe('200 pass');
    const unready = state('/readyz');
    await until(() => clock.timers > 1);
    await clock.advance(100);
    await until(() => db.runs.length === 2);
    db.last.result({ status: 'fail', reason: 'refused' });
    expect(await unready).toBe('503 fail');
    expect(await state('/livez')).toBe('200 pass');

    health.drain();
    expect(await state('/readyz')).toBe('503 draining');
    expect(await state('/startupz')).toBe('503 draining');
    expect(await state('/livez')).toBe('200 pass');
    expect(db.runs).toHaveLength(2);
    await health.stop();
  });

  it('describe the failure at /startupz after the startup grace', async () => {
    const clock = new FakeClock();
    const db = new SteadyCheck({ groups: ['startup'] }, { status: 'fail', reason: 'refused' });
    const health = new Registry({ checks: defined({ db }), clock, random: () => 0, startupGrace: 10_000 });
    const { url } = await serve({ health });
    health.start();
    await settle();
    expect(await ask(`${url}/startupz`)).toMatchObject({ status: 503, json: { state: 'starting' } });
    await clock.advance(10_000);
    expect(await ask(`${url}/startupz`)).toMatchObject({ status: 503, json: { state: 'fail' } });
    await health.stop();
  });

  it('report starting until the startup group has passed once', async () => {
    const clock = new FakeClock();
    const db = new SteadyCheck({ groups: ['startup'] }, { status: 'fail', reason: 'refused' });
    const health = new Registry({ checks: defined({ db }), clock, random: () => 0 });
    const { url } = await serve({ health });
    health.start();
    await settle();
    expect(await ask(`${url}/startupz`)).toMatchObject({ status: 503, json: { state: 'starting' } });
    expect(await ask(`${url}/readyz`)).toMatchObject({ status: 200 });
    db.outcome = { status: 'pass' };
    await clock.advance(6000);
    expect(await ask(`${url}/startupz`)).toMatchObject({ status: 200, json: { state: 'pass' } });
    await health.stop();
  });
});
