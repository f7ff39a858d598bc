import { afterEach, describe, expect, it } from '@jest/globals';
import { fastify } from 'fastify';
import { createService, type Service } from '../../src/service/service.js';
import { ask } from './asking.js';

const services: Service[] = [];
afterEach(async () => {
  for (const service of services.splice(0)) await service.stop();
});

async function start(http: { port: number } | false = { port: 0 }): Promise<Service> {
  const service = createService({
    listen: [{ url: 'pong://127.0.0.1:0' }],
    http,
    probe: { targets: ['127.0.0.1:*'] },
  });
  services.push(service);
  await service.start();
  return service;
}

const paths = (service: Service) => [
  '/',
  '/health',
  '/livez',
  '/readyz?verbose',
  '/startupz',
  '/metrics',
  '/connections',
  '/badge.svg',
  '/status',
  '/status.json',
  '/status/login',
  `/probe?target=${service.addresses[0]?.replace('pong://', '')}`,
];

describe('every route', () => {
  it('answers HEAD like GET, without the body', async () => {
    const service = await start();
    for (const path of paths(service)) {
      const url = service.httpAddress + path;
      const [get, head] = [await ask(url), await ask(url, { method: 'HEAD' })];
      expect([path, head.status, head.headers['content-type'], head.text]).toEqual([
        path,
        get.status,
        get.headers['content-type'],
        '',
      ]);
    }
  });

  it('answers HEAD of the events immediately, even a hundred times, and the page stays live', async () => {
    const { httpAddress } = await start();
    for (let n = 0; n < 101; n++) {
      const { status, headers } = await ask(`${httpAddress}/status/events`, { method: 'HEAD' });
      expect([status, headers['content-type']]).toEqual([200, 'text/event-stream']);
    }
    const response = await fetch(`${httpAddress}/status/events`);
    for await (const chunk of response.body ?? []) {
      expect(Buffer.from(chunk).toString()).toMatch(/^data: /);
      break;
    }
  });

  it('is the same with a trailing slash', async () => {
    const service = await start();
    for (const path of paths(service).slice(1)) {
      const [plain, slashed] = [path, path.replace(/(\?|$)/, '/$1')].map((one) => service.httpAddress + one);
      const [without, with_] = await Promise.all([plain, slashed].map((url) => fetch(url as string)));
      expect([path, with_?.status, with_?.headers.get('content-type')]).toEqual([
        path,
        without?.status,
        without?.headers.get('content-type'),
      ]);
    }
  });

  it.each([{ routerOptions: { ignoreTrailingSlash: true } }, { exposeHeadRoutes: false }])(
    'is the same in an application with %j',
    async (options) => {
      const service = await start(false);
      const app = fastify(options);
      await app.register(service.plugin, { prefix: '/internal' });
      const url = await app.listen({ host: '127.0.0.1', port: 0 });
      expect((await ask(`${url}/internal/readyz/`)).status).toBe(200);
      expect((await ask(`${url}/internal/status/events/`, { method: 'HEAD' })).status).toBe(200);
      await app.close();
    },
  );
});
