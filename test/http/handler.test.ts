import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import { fastify } from 'fastify';
import client from 'prom-client';
import { PongcheckError } from '../../src/common/errors.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService, type Service } from '../../src/service/service.js';
import { FakeClock } from '../fake-clock.js';
import { whenClosed } from '../when-closed.js';
import { ask } from './asking.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function started(options: ServiceOptions = {}): Promise<Service> {
  const service = createService({ listen: [], http: false, probe: { targets: ['127.0.0.1:1'] }, ...options });
  closing.push(() => service.stop());
  await service.start();
  return service;
}

/** Serves an application of `node:http`. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const paths = [
  '/',
  '/health',
  '/health/',
  '/health?group=nobody',
  '/health?check=a&group=b',
  '/livez',
  '/readyz?verbose',
  '/startupz',
  '/metrics',
  '/connections',
  '/badge.svg',
  '/connections?limit=0',
  '/status',
  '/status/',
  '/status.json',
  '/status/login',
  '/probe?target=127.0.0.1:1',
  '/probe?target=127.0.0.1:2',
];

describe('service.handler', () => {
  it('has the routes of the plugin', async () => {
    const service = await started({ checks: { db: () => false } });
    const app = fastify();
    await app.register(service.plugin, { prefix: '/internal' });
    closing.push(() => app.close());
    const plugin = `${await app.listen({ host: '127.0.0.1', port: 0 })}/internal`;
    const handler = await serve(service.handler);
    const kept = ({ status, headers, text }: Awaited<ReturnType<typeof ask>>) => {
      const { date: _date, connection: _connection, 'content-length': _length, ...rest } = headers;
      return { status, headers: rest, isEmpty: text === '' };
    };
    for (const path of paths) {
      for (const method of ['GET', 'HEAD']) {
        const [one, other] = [await ask(plugin + path, { method }), await ask(handler + path, { method })];
        expect([method, path, kept(other)]).toEqual([method, path, kept(one)]);
      }
    }
  });

  it('answers any other path with 404, or passes it to `next`', async () => {
    const { handler } = await started();
    const alone = await serve(handler);
    const asked: string[] = [];
    const within = await serve((request, response) =>
      handler(request, response, () => {
        asked.push(`${request.method} ${request.url}`);
        response.end('of the application');
      }),
    );
    for (const path of ['/nowhere', '/health/x', '//', '/%zz', '/internal/health']) {
      const { status, json } = await ask(alone + path);
      expect([path, status, json]).toEqual([path, 404, { error: 'not found' }]);
      expect((await ask(within + path)).text).toBe('of the application');
    }
    // The page belongs to the application.
    expect((await ask(within)).text).toBe('of the application');
    expect((await ask(`${within}/orders`, { method: 'POST' })).text).toBe('of the application');
    expect(asked).toHaveLength(7);
  });

  it('answers 405 for methods other than GET and HEAD', async () => {
    const { handler } = await started();
    const url = await serve((request, response) => handler(request, response, () => response.end()));
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const { status, headers } = await ask(`${url}/health`, { method });
      expect([method, status, headers.allow]).toEqual([method, 405, 'GET, HEAD']);
    }
  });

  it('sends nothing if the application has already responded', async () => {
    const { handler } = await started();
    const url = await serve((request, response) => {
      handler(request, response);
      response.writeHead(503).end('of the application');
    });
    for (const path of ['/livez', '/health', '/metrics']) {
      expect(await ask(url + path)).toMatchObject({ status: 503, text: 'of the application' });
    }
  });

  it('refuses a prefix without a slash', async () => {
    const service = await started();
    expect(() => service.handlerAt('internal')).toThrow('the prefix is "internal"; allowed: a path that begins with /');
    expect(() => service.handlerAt('internal')).toThrow(PongcheckError);
  });

  it('accepts a target with a scheme and a host', async () => {
    const { handler } = await started();
    const url = new URL(await serve(handler));
    const socket = connect(Number(url.port), url.hostname);
    socket.write(`GET ${url.origin}/livez?x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(`${await socket.setEncoding('utf8').take(1).toArray()}`).toMatch(/^HTTP\/1.1 200 /);
  });

  it('sends Connection: close while the service is draining', async () => {
    const service = await started();
    const url = await serve(service.handler);
    await service.stop();
    const { status, json, headers } = await ask(`${url}/readyz`);
    expect([status, json.state, headers.connection]).toEqual([503, 'draining', 'close']);
  });

  it('ends the streams of the page when the service stops, so that the application can close', async () => {
    const service = await started();
    const url = await serve(service.handler);
    const { body } = await fetch(`${url}/status/events`);
    let messages = 0;
    for await (const _ of body ?? []) if (messages++ === 0) void service.stop();
    expect(messages).toBeGreaterThan(0);
    // A page that reconnects.
    expect(await (await fetch(`${url}/status/events`)).text()).toBe('');
  });

  it('disconnects clients that do not read large responses, oldest first', async () => {
    const help = 'x'.repeat(6 * 1024 * 1024);
    const register = new client.Registry();
    new client.Gauge({ name: 'large', help, registers: [register] });
    const clock = new FakeClock();
    const { handler } = await started({ clock, register });
    const url = new URL(await serve(handler));
    const greedy = async (): Promise<Socket> => {
      const socket = connect(Number(url.port), url.hostname).on('error', () => {});
      closing.push(() => socket.destroy());
      socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
      await once(socket, 'readable');
      return socket;
    };
    const first = await greedy();
    // The next request gets its own rendering.
    await clock.advance(250);
    const closed = whenClosed(first);
    await greedy();
    first.resume();
    await closed;
  });
});

describe('the status page', () => {
  it.each([
    ['the plugin', true],
    ['the handler', false],
  ])('is at the prefix of %s itself, with links to its events', async (_, isPlugin) => {
    const service = await started();
    let url: string;
    if (isPlugin) {
      const app = fastify();
      await app.register(service.plugin, { prefix: '/a/internal' });
      closing.push(() => app.close());
      url = await app.listen({ host: '127.0.0.1', port: 0 });
    } else {
      url = await serve(service.handlerAt('/a/internal/'));
    }
    for (const path of ['/a/internal', '/a/internal/', '/a/internal?x=/y', '/a/internal/status']) {
      const response = await fetch(url + path);
      const [, events] = /data-events="([^"]+)"/.exec(await response.text()) ?? [];
      expect([path, new URL(events as string, response.url).pathname]).toEqual([path, '/a/internal/status/events']);
    }
    expect((await fetch(`${url}/a/internalx`)).status).toBe(404);
  });
});

describe('a Fastify application with the plugin', () => {
  async function logged(options: { logLevel?: 'info' }, broken = false) {
    const stream = new PassThrough();
    const app = fastify({ logger: { level: 'info', stream } });
    const register = new client.Registry();
    const collect = () => Promise.reject(new Error('broken'));
    if (broken) new client.Gauge({ name: 'broken', help: 'Broken.', registers: [register], collect });
    const service = await started({ register });
    await app.register(service.plugin, { prefix: '/internal', ...options });
    app.get('/own', async () => 'own');
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    for (const path of ['/internal/livez', '/internal/metrics', '/own']) await fetch(url + path);
    await app.close();
    stream.end();
    const lines = (await stream.toArray()).join('').trim().split('\n');
    return lines.map((line) => JSON.parse(line) as { msg: string; req?: { url: string } });
  }

  it('does not log requests of the plugin by default', async () => {
    const urls = (await logged({})).flatMap(({ req }) => (req ? [req.url] : []));
    expect(urls).toEqual(['/own']);
  });

  it('logs them with a `logLevel`', async () => {
    const urls = (await logged({ logLevel: 'info' })).flatMap(({ req }) => (req ? [req.url] : []));
    expect(urls).toEqual(['/internal/livez', '/internal/metrics', '/own']);
  });

  it('logs internal errors', async () => {
    const messages = (await logged({}, true)).map(({ msg }) => msg);
    expect(messages).toContain('HTTP request failed');
  });
});
