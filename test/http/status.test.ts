import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { fastify } from 'fastify';
import { CheckFailure } from '../../src/health/reason.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService, type Service } from '../../src/service/service.js';
import { settle } from '../fake-clock.js';
import { peersThat, registryOf } from '../health/asking.js';
import { SteadyCheck } from '../health/scripted-check.js';
import { closeAll, serve } from './served.js';

const services: Service[] = [];
afterEach(async () => {
  await closeAll();
  for (const service of services.splice(0)) await service.stop();
});

const secret = '<script>alert("x")</script>';

async function start(options: ServiceOptions = {}) {
  let broken = false;
  const service = createService({
    serviceId: 'shop',
    listen: [],
    http: { port: 0 },
    checks: {
      db: {
        kind: 'function',
        interval: 20,
        minInterval: 10,
        run: async () => {
          if (broken) throw new CheckFailure('refused', `nothing listens ${secret}`);
          return { status: 'pass' };
        },
      },
      spare: { kind: 'function', critical: false, groups: [], run: async () => ({ status: 'warn', output: 'slow' }) },
    },
    ...options,
  });
  services.push(service);
  await service.start();
  const url = service.httpAddress as string;
  return { service, url, break: () => (broken = true) };
}

/** The messages of `/status/events`, as they arrive. */
async function* events(url: string, query = ''): AsyncGenerator<Record<string, string>> {
  const response = await new Promise<AsyncIterable<Buffer> & { headers: object }>((resolve, reject) =>
    request(`${url}/status/events${query}`, { agent: false }, resolve).on('error', reject).end(),
  );
  expect(response.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  let text = '';
  for await (const chunk of response) {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      yield JSON.parse(text.slice('data: '.length, end)).parts;
      text = text.slice(end + 2);
    }
  }
}

describe('the status page', () => {
  it.each(['/', '/status'])('is at %s, one self-contained document', async (path) => {
    const { url } = await start();
    const response = await fetch(url + path);
    const text = await response.text();
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'sha256-/);
    expect(text).toContain('shop is ready: all checks pass.');
    expect(text).toContain('<h3>db</h3>');
    expect(text).not.toMatch(/(src|href)="(?!data:|\?|status\.json"|#)/);
    expect(text).not.toContain('style=');
  });

  it('has an inline script and style, and its policy permits no others', async () => {
    const { url } = await start();
    const response = await fetch(url);
    const text = await response.text();
    const policy = response.headers.get('content-security-policy');
    for (const [tag, file] of [
      ['script', 'page.js'],
      ['style', 'page.css'],
    ]) {
      const asset = readFileSync(`src/http/status-page/assets/${file}`, 'utf8');
      expect(text).toContain(`<${tag}>${asset}</${tag}>`);
      expect(policy).toContain(`${tag}-src 'sha256-${createHash('sha256').update(asset).digest('base64')}'`);
    }
    expect(text.match(/<script/g)).toHaveLength(1);
  });

  it('escapes the output of checks', async () => {
    const { url, break: breakIt } = await start();
    breakIt();
    let text = '';
    while (!text.includes('nothing listens')) text = await (await fetch(url)).text();
    expect(text).not.toContain(secret);
    expect(text).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;');
  });

  it.each([
    [
      4,
      'is ready, but degraded',
      'It fails at 4 of 5 peers too: the dependency has failed, not this instance.',
      'shared: fails at 4 of 5 peers',
    ],
    [
      1,
      'is not ready',
      'It works at 4 of 5 peers: this instance has failed, not the dependency.',
      'local: works at 4 of 5 peers',
    ],
  ])('states whether a failure is shared: it fails at %i of 5 peers', async (failing, headline, sentence, label) => {
    const db = new SteadyCheck({ onShared: 'warn', interval: 5000 });
    const { registry: health, clock } = registryOf(
      { db },
      { peers: peersThat(() => ({ asked: 5, answered: 5, failing })) },
    );
    health.start();
    await settle();
    db.outcome = { status: 'fail', reason: 'timeout', output: 'no answer' };
    await clock.advance(5000);
    const { url } = await serve({ health });
    const text = await (await fetch(url)).text();
    expect(text).toContain(`${headline}.`);
    expect(text).toContain(`<p>db fails (timeout: no answer). ${sentence}</p>`);
    expect(text).toContain(`<p class="reason">timeout: no answer; ${label}</p>`);
    expect(text).toContain(failing === 4 ? '<h2>Degraded</h2>' : '<h2>Root cause</h2>');
    await health.stop();
  });

  it('shows a group, or one check, including in its updates', async () => {
    const { url } = await start();
    const page = async (query: string) => (await fetch(url + query)).text();
    const items = (text: string) => [...text.matchAll(/<li id="item-([^"]*)"/g)].map(([, name]) => name);
    expect(items(await page(''))).toEqual(['spare', 'db']);
    const readiness = await page('?group=readiness');
    expect(items(readiness)).toEqual(['db']);
    expect(readiness).toContain('data-events="status/events?group=readiness"');
    expect(readiness).toContain('<a href="?group=readiness" aria-current="page">');
    expect(items(await page('?check=spare'))).toEqual(['spare']);
    expect(items(await page('?group=unknown&check=unknown'))).toEqual(['spare', 'db']);
    for await (const parts of events(url, '?group=readiness')) {
      expect(parts.items).toBe('item-db');
      expect(Object.keys(parts).filter((id) => id.startsWith('item-'))).toEqual(['item-db']);
      break;
    }
  });

  it('sends a change immediately', async () => {
    const { url, break: breakIt } = await start();
    const seen: string[] = [];
    for await (const { state = '', log = '' } of events(url)) {
      if (seen.length === 0) breakIt();
      seen.push(state);
      if (!state.includes('not ready')) continue;
      expect(log).toMatch(/<b>db<\/b>.*pass → .*fail/);
      break;
    }
    expect(seen[0]).toContain('all checks pass');
  });

  it('ends the stream when the service stops', async () => {
    const { service, url } = await start();
    let messages = 0;
    for await (const _ of events(url)) if (messages++ === 0) void service.stop();
    expect(messages).toBeGreaterThanOrEqual(1);
  });

  it('shows only the state to clients without access to detail', async () => {
    const { url } = await start({ detail: 'never' });
    expect(await (await fetch(`${url}/status.json`)).json()).toEqual({ state: 'pass' });
    const text = await (await fetch(url)).text();
    const shown = text.slice(text.indexOf('<body'), text.indexOf('<script'));
    expect(shown).toContain('<h1>The service is ready: all checks pass.</h1>');
    expect(shown).toContain('The option <code>detail: never</code> hides the rest.');
    expect(text.replace(/<script>.*<\/script>|<style>.*<\/style>/s, '')).not.toMatch(/db|spare|shop/);
    expect(shown.match(/<h2>/g)).toBeNull();
    for await (const parts of events(url)) {
      expect(JSON.stringify(parts)).not.toMatch(/db|spare|shop/);
      break;
    }
  });

  it('shows all details to clients that log in with a token', async () => {
    const token = 'a-token-of-the-right-length';
    const { url } = await start({ detail: 'token', tokens: [token] });
    const get = (path: string, password?: string) =>
      fetch(url + path, {
        redirect: 'manual',
        headers: password === undefined ? {} : { authorization: `Basic ${btoa(`me:${password}`)}` },
      });
    expect(await (await get('/')).text()).toContain('<a href="status/login">');
    const asked = await get('/status/login');
    expect([asked.status, asked.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringMatching(/^Basic realm=/),
    ]);
    expect((await get('/status/login', 'wrong')).status).toBe(401);
    const welcome = await get('/status/login', token);
    expect([welcome.status, welcome.headers.get('location')]).toEqual([302, '../status']);
    expect(await (await get('/status', token)).text()).toContain('shop is ready');
  });

  it('leaves / to the application that has registered the plugin', async () => {
    const { service } = await start({ http: false });
    const app = fastify();
    app.get('/', async () => 'of the application');
    await app.register(service.plugin);
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    expect(await (await fetch(url)).text()).toBe('of the application');
    expect((await fetch(`${url}/status`)).status).toBe(200);
    await app.close();
  });
});

describe('/status.json', () => {
  it('has readiness as its state, and contains all checks, groups, connections and transitions', async () => {
    const { url } = await start();
    const { state, checks, groups, connections, transitions, explanation } = (await (
      await fetch(`${url}/status.json`)
    ).json()) as Record<string, any>;
    expect(state).toBe('pass');
    expect(Object.keys(checks)).toEqual(['db', 'spare']);
    expect(groups).toEqual({ readiness: 'pass', startup: 'pass', all: 'warn' });
    expect(connections).toMatchObject({ open: 0, waiting: 0, modes: { binary: 0 }, closed: { idle: 0 } });
    expect(transitions).toContainEqual(
      expect.objectContaining({ of: 'check', name: 'spare', from: 'unknown', to: 'warn', output: 'slow' }),
    );
    expect(explanation.headline).toBe('shop is ready: all checks pass.');
  });

  it('contains the last hour of each check and group', async () => {
    const { url, break: breakIt } = await start();
    const read = async () => (await (await fetch(`${url}/status.json`)).json()) as Record<string, any>;
    const { history } = await read();
    expect(Date.parse(history.minute) % 60_000).toBe(0);
    expect(Object.keys(history.checks)).toEqual(['db', 'spare']);
    expect(Object.keys(history.groups)).toEqual(['readiness', 'startup', 'all']);
    expect(history.checks.spare.states).toMatch(/^-{58}[-w]w$/);
    expect(history.groups.readiness.states).toMatch(/^-{58}[-p]p$/);
    expect(history.checks.db.meanMs).toHaveLength(60);
    expect(history.groups.all.meanMs).toBeUndefined();
    breakIt();
    let { checks } = history;
    while (checks.db.unhealthyMs === undefined) ({ checks } = (await read()).history);
    expect(checks.db.states).toMatch(/f$/);
    expect(checks.db.availability['1h']).toBeLessThan(1);
    expect(checks.db.availability['24h']).toBeCloseTo(checks.db.availability['1h'], 1);
    expect(checks.spare).toMatchObject({ availability: { '1h': 1, '24h': 1 } });
    expect(checks.spare.unhealthyMs).toBeUndefined();
  });
});
