import { request } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { fastify } from 'fastify';
import { CheckFailure } from '../../src/health/reason.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService, type Service } from '../../src/service/service.js';
import { ask } from './asking.js';

const services: Service[] = [];
afterEach(async () => {
  for (const service of services.splice(0).reverse()) await service.stop();
});

async function serve(options: ServiceOptions): Promise<Service> {
  const service = createService({ listen: [{ url: 'pong://127.0.0.1:0' }], http: false, ...options });
  services.push(service);
  await service.start();
  return service;
}

const script = '<script>alert("x")</script>';

/** Two shops whose database fails while `isBroken`, another service, and the service that shows them. */
async function start(options: ServiceOptions = {}) {
  let isBroken = false;
  const run = async () => {
    if (isBroken) throw new CheckFailure('timeout', `no answer ${script}`);
    return { status: 'pass' as const };
  };
  const db = { kind: 'function', interval: 20, minInterval: 10, run };
  const shops = [
    await serve({ serviceId: 'shop', checks: { db } }),
    await serve({ serviceId: 'shop', checks: { db } }),
  ];
  const other = await serve({ serviceId: `images ${script}` });
  const from = [...shops, other].flatMap(({ addresses }) => addresses);
  const fleet = await serve({
    listen: [],
    http: { port: 0 },
    fleet: { from, statusUrl: 'http://{host}:7664/status' },
    ...options,
  });
  const url = fleet.httpAddress as string;
  const json = async () => (await ask(`${url}/fleet.json`)).json;
  return {
    url,
    from,
    fleet,
    json,
    break: () => (isBroken = true),
    has: async (counts: object) => {
      for (;;) {
        const now = await json();
        if (Object.entries(counts).every(([state, count]) => now.counts[state] === count)) return now;
      }
    },
  };
}

/** The page, when it contains a text. A page rendered up to 250 ms ago may be returned. */
async function pageWith(url: string, text: string): Promise<string> {
  for (;;) {
    const page = await (await fetch(url)).text();
    if (page.includes(text)) return page;
  }
}

const addressOf = (url: string | undefined) => (url as string).replace('pong://', '');

/** The parts in the messages of `/fleet/events`, as they arrive. */
async function* events(url: string): AsyncGenerator<Record<string, string>> {
  const response = await new Promise<AsyncIterable<Buffer>>((resolve, reject) =>
    request(`${url}/fleet/events`, { agent: false }, resolve).on('error', reject).end(),
  );
  let text = '';
  for await (const chunk of response) {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      yield JSON.parse(text.slice('data: '.length, end)).parts;
      text = text.slice(end + 2);
    }
  }
}

describe('/fleet', () => {
  it('is one document with a sentence, the causes of all responders, and each responder, failing ones first', async () => {
    const { url, from, has, break: breakIt } = await start();
    await has({ pass: 3 });
    const response = await fetch(`${url}/fleet`);
    expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'sha256-/);
    expect(await response.text()).toContain('<h1>All 3 responders pass.</h1>');
    breakIt();
    await has({ fail: 2 });
    const text = await pageWith(`${url}/fleet`, '<h1>2 of 3 responders fail.</h1>');
    expect(text).toContain('<title>2 of 3 responders fail · fleet</title>');
    expect(text).toContain('<b>db=timeout</b> at 2 of 3 responders');
    expect([...text.matchAll(/<li id="item-([^"]*)" class="responder (\w+)"/g)].map(([, , look]) => look)).toEqual([
      'fail',
      'fail',
      'pass',
    ]);
    const first = `<a href="http://127.0.0.1:7664/status">${addressOf(from[0])}</a></h3> <small>shop</small>`;
    expect(text).toContain(first);
    expect(text).not.toContain(script);
    expect(text).toContain('db=timeout: no answer &lt;script&gt;');
    expect(text).toContain('<small>images &lt;script&gt;');
  });

  it('shows only the responders with one state, if that is selected', async () => {
    const { url, from, has, break: breakIt } = await start();
    breakIt();
    await has({ fail: 2 });
    const rows = async (query: string) =>
      (await pageWith(`${url}/fleet${query}`, '2 of 3 responders fail.')).match(/<li id="item-/g);
    expect(await rows('?state=fail')).toHaveLength(2);
    expect(await rows('?state=pass')).toHaveLength(1);
    expect(await rows('?state=draining')).toBeNull();
    expect(await rows('?state=nonsense')).toHaveLength(3);
    const filtered = await (await fetch(`${url}/fleet?state=pass`)).text();
    expect(filtered).toContain(addressOf(from[2]));
    expect(filtered).toContain('data-events="fleet/events?state=pass"');
  });

  it('sends only changes, immediately', async () => {
    const { url, has, break: breakIt } = await start();
    await has({ pass: 3 });
    const itemsOf = (parts: object) => Object.entries(parts).filter(([id]) => id.startsWith('item-'));
    let before: string | undefined;
    const endOf = (text: string) => /data-end="(\d+)"/.exec(text)?.[1];
    for await (const parts of events(url)) {
      const images = itemsOf(parts).find(([, text]) => text.includes('images'))?.[1];
      if (before === undefined) {
        expect(itemsOf(parts)).toHaveLength(3);
        before = images as string;
        breakIt();
        continue;
      }
      // A bar changes every minute.
      if (images !== undefined) expect(endOf(images)).not.toBe(endOf(before));
      if (parts.state?.includes('2 of 3 responders fail')) break;
    }
  });

  it('has its data at /fleet.json', async () => {
    const { from, has, break: breakIt } = await start();
    breakIt();
    const data = await has({ fail: 2 });
    expect(data).toMatchObject({
      state: 'fail',
      headline: '2 of 3 responders fail.',
      total: 3,
      causes: [{ state: 'fail', check: 'db', reason: 'timeout', responders: 2 }],
      unresolved: [],
      excess: 0,
    });
    expect(data.responders).toHaveLength(3);
    const [first, , passing] = data.responders;
    const failing = data.responders.find(({ address }: { address: string }) => address === addressOf(from[0]));
    expect(first.state).toBe('fail');
    expect(failing).toEqual({
      address: addressOf(from[0]),
      state: 'fail',
      since: expect.stringMatching(/Z$/),
      service: 'shop',
      instance: services[0]?.instance,
      causes: [{ state: 'fail', check: 'db', reason: 'timeout', output: `no answer ${script}` }],
      failing: ['db'],
      statusUrl: 'http://127.0.0.1:7664/status',
    });
    expect(passing).toMatchObject({ state: 'pass', causes: [], failing: [] });
  });

  it('shows only the number of responders by state to clients without access to detail', async () => {
    const { url, has, break: breakIt } = await start({ detail: 'never' });
    breakIt();
    const data = await has({ fail: 2 });
    expect(Object.keys(data)).toEqual(['state', 'headline', 'total', 'counts']);
    const text = await pageWith(`${url}/fleet?state=fail`, '2 of 3 responders fail.');
    expect(text).toContain('The option <code>detail: never</code> hides the rest.');
    for (const secret of ['127.0.0.1', 'shop', 'db', 'timeout']) expect(text).not.toContain(`>${secret}`);
    expect(text).not.toMatch(/127\.0\.0\.1:|shop|timeout/);
    for await (const parts of events(url)) {
      expect(JSON.stringify(parts)).not.toMatch(/127\.0\.0\.1:|shop|timeout/);
      break;
    }
  });

  it('shows all to clients that log in with a token', async () => {
    const token = 'a-token-of-the-right-length';
    const { url, has } = await start({ detail: 'token', tokens: [token] });
    await has({ pass: 3 });
    const get = (path: string, password?: string) =>
      fetch(url + path, {
        redirect: 'manual',
        headers: password === undefined ? {} : { authorization: `Basic ${btoa(`me:${password}`)}` },
      });
    expect(await (await get('/fleet')).text()).toContain('<a href="fleet/login">');
    expect((await get('/fleet/login')).status).toBe(401);
    const back = await get('/fleet/login', token);
    expect([back.status, back.headers.get('location')]).toEqual([302, '../fleet']);
    expect((await get('/fleet/login/', token)).headers.get('location')).toBe('../../fleet');
    expect(await (await get('/fleet', token)).text()).toContain('<small>shop</small>');
    expect((await get('/fleet/')).headers.get('location')).toBe('../fleet');
  });

  it('does not exist without a fleet', async () => {
    const service = await serve({ http: { port: 0 } });
    for (const path of ['/fleet', '/fleet.json', '/fleet/events']) {
      expect((await ask(service.httpAddress + path)).status).toBe(404);
    }
  });

  it('is part of an application, with its prefix', async () => {
    const { fleet, has } = await start();
    await has({ pass: 3 });
    const app = fastify();
    await app.register(fleet.plugin, { prefix: '/internal' });
    const { statusCode, body } = await app.inject('/internal/fleet');
    expect(statusCode).toBe(200);
    expect(body).toContain('All 3 responders pass.');
    await app.close();
  });
});

describe('a reload', () => {
  it('applies other responders, and keeps those that remain', async () => {
    const { fleet, from, has, json } = await start();
    await has({ pass: 3 });
    const options = { listen: [], http: { port: 0 } };
    const { changed, needsRestart } = await fleet.reload({ ...options, fleet: { from: from.slice(1) } });
    expect(changed).toEqual(['fleet.from', 'fleet.statusUrl']);
    expect(needsRestart).toEqual([]);
    while ((await json()).total !== 2);
    const data = await json();
    expect(data.counts.pass).toBe(2);
    expect(data.responders[0]).not.toHaveProperty('statusUrl');
  });

  it('does not add or remove the page', async () => {
    const { fleet, from, has } = await start();
    const options = { listen: [], http: { port: 0 } };
    expect((await fleet.reload(options)).needsRestart).toEqual(['fleet']);
    await has({ pass: 3 });
    const without = await serve(options);
    expect((await without.reload({ ...options, fleet: { from } })).needsRestart).toEqual(['fleet']);
    expect((await ask(`${without.httpAddress}/fleet`)).status).toBe(404);
  });
});

describe('the metrics of a fleet', () => {
  it('are the responders by state, without a series per responder', async () => {
    const { url, has, from, break: breakIt } = await start();
    breakIt();
    await has({ fail: 2, pass: 1 });
    const { text } = await ask(`${url}/metrics`);
    const series = text.split('\n').filter((line) => line.startsWith('pongcheck_fleet_responders{'));
    expect(series).toHaveLength(8);
    expect(series).toContain('pongcheck_fleet_responders{state="fail"} 2');
    expect(series).toContain('pongcheck_fleet_responders{state="unreachable"} 0');
    expect(text).not.toContain(addressOf(from[0]));
  });
});
