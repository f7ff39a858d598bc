import type { FastifyPluginAsync } from 'fastify';
import type { RouteContext } from '../context.js';
import { get } from '../route.js';
import { scrape } from './scrape.js';

/**
 * `GET /metrics`: the metrics, in the format of the registry. Runs no check; 200 regardless of the status of the service.
 * 503 if another collector in the registry of the application does not answer in time.
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
      if (!rendering) return reply.code(503).send({ error: 'a metrics collector timed out' });
      return renderings.send(request, reply, rendering);
    });
  };
}
