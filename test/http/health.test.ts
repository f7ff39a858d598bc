import { afterEach, describe, expect, it } from '@jest/globals';
import { fastify } from 'fastify';
import { Registry } from '../../src/health/query/registry.js';
import type { State } from '../../src/health/state.js';
import { httpPlugin } from '../../src/http/plugin.js';
import { FakeClock, settle } from '../fake-clock.js';
import { type Checks, defined } from '../health/defined.js';
import { ScriptedCheck, SteadyCheck } from '../health/scripted-check.js';
import { FakeHealth } from '../server/fake-health.js';
import { whenClosed } from '../when-closed.js';
import { ask } from './asking.js';
import { closeAll, overviewOf, serve, silentConnection } from './served.js';
import { until } from './until.js';

const codes: Record<State, number> = {
  pass: 200,
  warn: 200,
  fail: 503,
  unknown: 503,
  draining: 503,
  starting: 503,
  'not-found': 404,
};

const registries: Registry[] = [];

/** A real registry whose checks have run once. */
async function registryOf(checks: Checks, clock = new FakeClock()): Promise<Registry> {
  const health = new Registry({ checks: defined(checks), clock, random: () => 0, instance: 'me' });
  registries.push(health);
  health.start();
  await settle();
  return health;
}

afterEach(async () => {
  await closeAll();
  for (const registry of registries.splice(0)) await registry.stop();
});

describe('/health', () => {
  it.each(Object.entries(codes) as [State, number][])('answers %s with %i', async (state, code) => {
    const { url, health } = await serve();
    health.atOnce = state;
    health.report = { state, all: 'of it' };
    const { status, json, headers } = await ask(`${url}/health`);
    expect(status).toBe(code);
    expect(json).toEqual({ state, all: 'of it' });
    expect(headers['content-type']).toMatch(/^application\/health\+json\b/);
    expect(headers['cache-control']).toBe('no-store');
  });

  it.each(['never', 'token'] as const)('returns only status and state if detail is %s', async (detail) => {
    const { url, health } = await serve({ detail });
    health.atOnce = 'draining';
    const { status, json, headers } = await ask(`${url}/health`);
    expect(status).toBe(503);
    expect(json).toEqual({ status: 'fail', state: 'draining' });
    expect(headers['content-type']).toMatch(/^application\/health\+json\b/);
  });

  it('queries readiness, with no hops, and waits less than 900 ms', async () => {
    const { url, health } = await serve();
    const answer = ask(`${url}/health`);
    await until(() => health.asked.length > 0);
    const { query } = health.asked[0]!;
    expect(query).toEqual({ scope: 'readiness', timeout: expect.any(Number), hops: 0 });
    expect(query.timeout).toBeLessThan(900);
    expect(query.timeout).toBeGreaterThanOrEqual(800);
    health.settle('warn');
    expect((await answer).status).toBe(200);
  });

  it.each([
    ['group=edge', { group: 'edge' }],
    ['check=db', { checks: ['db'] }],
    ['check=db&check=a%20b', { checks: ['db', 'a b'] }],
    ['group=', { group: '' }],
    ['unheard=of', {}],
  ])('queries the selection in ?%s', async (search, selected) => {
    const { url, health } = await serve();
    const answer = ask(`${url}/health?${search}`);
    await until(() => health.asked.length > 0);
    expect(health.asked[0]!.query).toEqual({ scope: 'readiness', timeout: 850, hops: 0, ...selected });
    health.settle('pass');
    await answer;
  });

  it.each([
    ['both', 'group=edge&check=db'],
    ['two groups', 'group=edge&group=core'],
    ['more checks than a PING may name', Array.from({ length: 33 }, (_, i) => `check=c${i}`).join('&')],
  ])('refuses %s with 400 and a description', async (_, search) => {
    const { url, health } = await serve();
    const { status, json } = await ask(`${url}/health?${search}`);
    expect(status).toBe(400);
    expect(json).toEqual({ error: expect.stringMatching(/group|check/) });
    expect(health.asked).toEqual([]);
  });

  it('reads the query itself, regardless of how an application parses it', async () => {
    const health = new FakeHealth();
    const app = fastify({ routerOptions: { querystringParser: () => ({ check: { a: 'db' } }) as never } });
    const context = { health, connections: async () => [], clock: new FakeClock() };
    const access = { detail: 'always', tokens: undefined } as const;
    const register = () => ({ contentType: 'text/plain', metrics: async () => '' });
    await app.register(httpPlugin({ ...context, access, register, overview: overviewOf(health) }));
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    const answer = ask(`${url}/health?check=cache`);
    await until(() => health.asked.length > 0);
    expect(health.asked[0]?.query).toMatchObject({ checks: ['cache'] });
    health.settle('pass');
    expect((await answer).status).toBe(200);
    await app.close();
  });

  it('answers HEAD like GET, without the body', async () => {
    const { url, health } = await serve();
    health.atOnce = 'fail';
    const { status, text, headers } = await ask(`${url}/health`, { method: 'HEAD' });
    expect(status).toBe(503);
    expect(text).toBe('');
    expect(headers['content-type']).toMatch(/^application\/health\+json\b/);
  });

  it('returns the report of real checks, and the part for a group or a check', async () => {
    const health = await registryOf({
      db: new SteadyCheck({}, { status: 'fail', reason: 'refused' }),
      cache: new SteadyCheck({ groups: ['edge'] }),
    });
    const { url } = await serve({ health });
    const ready = await ask(`${url}/health`);
    expect(ready.status).toBe(503);
    expect(ready.json).toMatchObject({ status: 'fail', state: 'fail', instance: 'me', causes: [{ check: 'db' }] });
    const edge = await ask(`${url}/health?group=edge`);
    expect([edge.status, Object.keys(edge.json.checks)]).toEqual([200, ['cache']]);
    const all = await ask(`${url}/health?check=cache&check=db`);
    expect([all.status, Object.keys(all.json.checks).sort()]).toEqual([503, ['cache', 'db']]);
    for (const unknown of ['group=nobody', 'check=nobody', 'check=db&check=nobody', 'check=']) {
      const { status, json } = await ask(`${url}/health?${unknown}`);
      expect([unknown, status, json.status, json.state]).toEqual([unknown, 404, 'fail', 'not-found']);
    }
  });

  it('answers at its own deadline if a check hangs', async () => {
    const clock = new FakeClock();
    const slow = new ScriptedCheck({ timeout: 5000 });
    slow.obedient = true;
    const health = await registryOf({ slow }, clock);
    let asked = false;
    const listening = Object.create(health, {
      ask: {
        value: (...all: Parameters<Registry['ask']>) => {
          asked = true;
          return health.ask(...all);
        },
      },
    });
    const { url } = await serve({ health: listening as Registry });
    let answered = false;
    const answer = ask(`${url}/health`).finally(() => (answered = true));
    await until(() => asked);
    await clock.advance(799);
    expect(answered).toBe(false);
    await clock.advance(100);
    expect(await answer).toMatchObject({ status: 503, json: { state: 'unknown' } });
  });
});

describe('a client without access to detail', () => {
  it('receives no name and no reason of real checks', async () => {
    const health = await registryOf({ db: new SteadyCheck({}, { status: 'fail', reason: 'refused' }) });
    const { url } = await serve({ health, detail: 'never' });
    for (const path of ['/health', '/health?check=db', '/health?group=all', '/readyz']) {
      const { json, status } = await ask(url + path);
      expect([path, status, json]).toEqual([path, 503, { status: 'fail', state: 'fail' }]);
    }
  });
});

describe('many concurrent requests', () => {
  it('share one run of a check', async () => {
    const clock = new FakeClock();
    const db = new ScriptedCheck({ interval: 0, maxAge: 0 });
    const health = await registryOf({ db }, clock);
    db.last.pass();
    await clock.advance(1000);
    const { url, server } = await serve({ health });
    let requests = 0;
    server.server.on('request', () => requests++);
    const answers = Array.from({ length: 50 }, (_, i) => ask(url + (i % 2 ? '/health' : '/readyz')));
    await until(() => requests === 50 && db.runs.length === 2);
    // Requests during that run wait for another run, which they share.
    db.last.pass();
    await clock.advance(200);
    if (db.runs.length === 3) db.last.pass();
    for (const { status, json } of await Promise.all(answers)) expect([status, json.state]).toEqual([200, 'pass']);
    expect(db.runs.length).toBeLessThanOrEqual(3);
  });

  it.each(['/health', '/readyz'])(
    'do not queue up at %s: after 1,000 they receive the latest known status',
    async (path) => {
      const health = new FakeHealth();
      let atOnce = 0;
      const ask = health.ask.bind(health);
      health.ask = (query, answer) => {
        if (query.timeout === 0) atOnce++;
        return ask(query, answer);
      };
      const { url } = await serve({ health });
      const request = `GET ${path} HTTP/1.1\r\nHost: x\r\n`;
      const pipelined = `${request}\r\n`.repeat(3) + `${request}Connection: close\r\n\r\n`;
      let heard = '';
      const closed: Promise<unknown>[] = [];
      for (let n = 0; n < 255; n++) {
        const socket = await silentConnection(url);
        socket.setEncoding('utf8').on('data', (chunk) => (heard += chunk));
        closed.push(whenClosed(socket));
        socket.write(pipelined);
      }
      await until(() => health.asked.length + atOnce === 1020);
      expect([health.asked.length, atOnce]).toEqual([1000, 20]);
      health.settle('pass', { count: 1000 });
      await Promise.all(closed);
      expect([heard.match(/HTTP\/1.1 200/g)?.length, heard.match(/HTTP\/1.1 503/g)?.length]).toEqual([1000, 20]);
      // Later requests wait again.
      const later = fetch(url + path);
      await until(() => health.asked.length === 1);
      health.settle('pass');
      expect((await later).status).toBe(200);
      await (await later).text();
    },
  );
});

describe('a health endpoint that is still waiting', () => {
  it('delays no other request', async () => {
    const health = new FakeHealth();
    const { url } = await serve({ health });
    const first = ask(`${url}/health`);
    await until(() => health.asked.length > 0);
    health.atOnce = 'pass';
    expect((await ask(`${url}/health`)).status).toBe(200);
    health.settle('fail');
    expect((await first).status).toBe(503);
  });
});
