import type { FastifyPluginAsync } from 'fastify';
import type { RouteContext } from '../context.js';
import { get } from '../route.js';
import { scrape } from './scrape.js';

/**
 * `GET /metrics`: what was counted, in the format of the registry; 200 however unwell the service
 * is. Runs no check. 503 where the registry was given and another collector in it does not answer.
 */
export function metricsRoute({ register, clock, renderings }: RouteContext): FastifyPluginAsync {
  return async (app) => {
    const registry = register();
    const render = async () => {
      const text = await scrape(registry, clock);
      return text === undefined ? undefined : { type: registry.contentType, body: Buffer.from(text) };
    };
    get(app, '/metrics', async (request, reply) => {
      const rendering = await renderings.of('metrics', render);
      if (!rendering) return reply.code(503).send({ error: 'a collector of metrics did not answer in time' });
      return renderings.send(request, reply, rendering);
    });
  };
}
