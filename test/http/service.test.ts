import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { fastify } from 'fastify';
import client from 'prom-client';
import { connect } from '../../src/client.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService, type Service } from '../../src/service/service.js';
import { parseScrape, valueOf } from '../metrics/scrape.js';
import { ask } from './asking.js';

const services: Service[] = [];

/** A service on free ports. */
function service(options: ServiceOptions = {}): Service {
  const made = createService({ listen: [{ url: 'pong://127.0.0.1:0' }], http: { port: 0 }, ...options });
  services.push(made);
  return made;
}

afterEach(async () => {
  for (const made of services.splice(0)) await made.stop();
});

async function taken(): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

describe('a service', () => {
  it('serves health and metrics of its own checks on its own port', async () => {
    const own = service({ checks: { db: () => {}, cache: () => false } });
    expect(own.httpAddress).toBeUndefined();
    await own.start();
    expect(own.httpAddress).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const { status, json } = await ask(`${own.httpAddress}/health`);
    expect([status, json.instance, json.causes.length]).toEqual([503, own.instance, 1]);
    const { version } = JSON.parse(await (await import('node:fs/promises')).readFile('package.json', 'utf8'));
    const scraped = await ask(`${own.httpAddress}/metrics`);
    expect(scraped.status).toBe(200);
    const families = parseScrape(scraped.text);
    expect(valueOf(families, 'pongcheck_build_info', { version, node: process.version })).toBe(1);
    expect(valueOf(families, 'pongcheck_check_status', { check: 'cache', status: 'fail' })).toBe(1);
    expect([...families.keys()].filter((name) => !name.startsWith('pongcheck_'))).toEqual([]);
    await own.stop();
    expect(own.httpAddress).toBeUndefined();
  });

  it('counts its answers to PINGs', async () => {
    const own = service();
    await own.start();
    const connection = await connect(own.addresses[0] as string);
    await connection.ping();
    await connection.ping({ scope: 'liveness' });
    const families = parseScrape((await ask(`${own.httpAddress}/metrics`)).text);
    expect(valueOf(families, 'pongcheck_pings_total', { scope: 'readiness', status: 'pass' })).toBe(1);
    expect(valueOf(families, 'pongcheck_pings_total', { scope: 'liveness', status: 'pass' })).toBe(1);
    expect(valueOf(families, 'pongcheck_ping_reply_seconds_count')).toBe(2);
    expect(valueOf(families, 'pongcheck_connections')).toBe(1);
    expect(valueOf(families, 'pongcheck_transferred_bytes_total', { direction: 'in' })).toBe(32);
    expect(valueOf(families, 'pongcheck_transferred_bytes_total', { direction: 'out' })).toBe(32);
    await connection.close();
  });

  it('serves HTTP on a host name', async () => {
    const own = service({ http: { host: 'localhost', port: 0 } });
    await own.start();
    expect((await ask(`${own.httpAddress}/livez`)).status).toBe(200);
    await own.stop();
    await expect(service({ http: { host: '192.0.2.1', port: 0 } }).start()).rejects.toMatchObject({
      code: 'PONGCHECK_LISTEN',
    });
  });

  it('opens no HTTP with http: false', async () => {
    const own = service({ http: false });
    await own.start();
    expect(own.httpAddress).toBeUndefined();
    expect(parseScrape(await own.register.metrics()).size).toBeGreaterThan(0);
  });

  it('does not affect another service in the same process', async () => {
    const one = service({ checks: { db: () => {} } });
    const two = service({ checks: { cache: () => false } });
    await Promise.all([one.start(), two.start()]);
    expect((await ask(`${one.httpAddress}/readyz`)).status).toBe(200);
    expect((await ask(`${two.httpAddress}/readyz`)).status).toBe(503);
    expect((await ask(`${one.httpAddress}/metrics`)).text).not.toContain('check="cache"');
    await one.stop();
    const { text } = await ask(`${two.httpAddress}/metrics`);
    expect(
      valueOf(parseScrape(text), 'pongcheck_check_info', { check: 'cache', kind: 'function', critical: 'true' }),
    ).toBe(1);
    expect(client.register.getMetricsAsArray()).toEqual([]);
  });

  it('joins a registry from start to stop, and returns all of that registry at /metrics', async () => {
    const register = new client.Registry();
    new client.Gauge({ name: 'shop_orders', help: 'Orders.', registers: [register] }).set(3);
    const own = service({ register });
    expect(own.register).toBe(register);
    expect(register.getMetricsAsArray()).toHaveLength(1);
    await own.start();
    const families = parseScrape((await ask(`${own.httpAddress}/metrics`)).text);
    expect(valueOf(families, 'shop_orders')).toBe(3);
    expect(valueOf(families, 'pongcheck_connections')).toBe(0);
    await own.stop();
    expect(register.getMetricsAsArray().map(({ name }) => name)).toEqual(['shop_orders']);
  });

  it('leaves nothing open if HTTP cannot be opened', async () => {
    const { server, port } = await taken();
    const register = new client.Registry();
    const own = service({ register, http: { port } });
    await expect(own.start()).rejects.toMatchObject({ code: 'PONGCHECK_LISTEN' });
    expect([own.addresses, own.httpAddress, register.getMetricsAsArray()]).toEqual([[], undefined, []]);
    server.close();
  });

  it('does not change a registry that already has the metrics of another service', async () => {
    const register = new client.Registry();
    const first = service({ register });
    await first.start();
    const second = service({ register });
    await expect(second.start()).rejects.toMatchObject({ code: 'PONGCHECK_METRICS' });
    expect([second.addresses, second.httpAddress]).toEqual([[], undefined]);
    await second.stop();
    expect(valueOf(parseScrape((await ask(`${first.httpAddress}/metrics`)).text), 'pongcheck_connections')).toBe(0);
  });

  it('answers requests in flight while it stops, before its checks end', async () => {
    let detach = () => {};
    let waiting = () => {};
    const asked = new Promise<void>((resolve) => (waiting = resolve));
    let runs = 0;
    const slow = () => {
      runs++;
      if (runs === 1) return true;
      waiting();
      return new Promise<boolean>((resolve) => (detach = () => resolve(true)));
    };
    const own = service({
      checks: {
        slow: {
          kind: 'slow',
          interval: 0,
          maxAge: 0,
          minInterval: 1,
          run: async () => ({ status: (await slow()) ? 'pass' : 'fail' }),
        },
      },
    });
    await own.start();
    const answer = ask(`${own.httpAddress}/health`);
    await asked;
    const stopped = own.stop();
    detach();
    expect(await answer).toMatchObject({ json: { state: 'draining' }, headers: { connection: 'close' } });
    await stopped;
  });
});

describe('service.plugin', () => {
  it('adds the routes to an existing application, under a prefix, and changes nothing else', async () => {
    const app = fastify();
    const own = service({ http: false, checks: { db: () => false } });
    app.get('/health', async () => 'the application’s own');
    app.get('/broken', async () => {
      throw new Error('the application’s own');
    });
    app.register(own.plugin, { prefix: '/internal' });
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    await own.start();
    expect(await ask(`${url}/internal/readyz`)).toMatchObject({ status: 503, json: { state: 'fail' } });
    expect((await ask(`${url}/internal/readyz`, { method: 'HEAD' })).status).toBe(503);
    expect((await ask(`${url}/internal/health`)).json.checks.db[0].state).toBe('fail');
    expect(parseScrape((await ask(`${url}/internal/metrics`)).text).size).toBeGreaterThan(0);
    expect((await ask(`${url}/internal/health?group=a&check=b`)).status).toBe(400);
    const plain = await ask(`${url}/health`);
    expect([plain.text, plain.headers['cache-control']]).toEqual(['the application’s own', undefined]);
    expect((await ask(`${url}/broken`)).json.message).toBe('the application’s own');
    expect((await ask(`${url}/nowhere`)).json.message).toContain('/nowhere');

    await own.stop();
    const leaving = await ask(`${url}/internal/readyz`);
    expect([leaving.status, leaving.json.state, leaving.headers.connection]).toEqual([503, 'draining', 'close']);
    expect((await ask(`${url}/internal/livez`)).status).toBe(200);
    await app.close();
  });

  it('may be registered at the root of an application, for two services under two prefixes', async () => {
    const app = fastify({ exposeHeadRoutes: false });
    const [one, two] = [service({ http: false }), service({ http: false, checks: { db: () => false } })];
    await app.register(one.plugin);
    await app.register(two.plugin, { prefix: '/two' });
    await Promise.all([one.start(), two.start()]);
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    const statuses = [];
    for (const path of ['/readyz', '/two/readyz', '/livez', '/two/livez']) {
      statuses.push((await ask(url + path, { method: 'HEAD' })).status);
    }
    expect(statuses).toEqual([200, 503, 200, 200]);
    await app.close();
  });
});
