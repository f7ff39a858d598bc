import type { FastifyPluginAsync } from 'fastify';
import type { HttpContext } from './context.js';
import { sharedScrape } from './scrape.js';

/**
 * `GET /metrics`: what was counted, in the format of the registry; 200 however unwell the service
 * is. Runs no check. 503 where the registry was given and another collector in it does not answer.
 */
export function metricsRoute({ register, clock }: HttpContext): FastifyPluginAsync {
  return async (app) => {
    const registry = register();
    const scrape = sharedScrape(registry, clock);
    app.get('/metrics', { exposeHeadRoute: true }, async (_request, reply) => {
      const text = await scrape();
      if (text === undefined) return reply.code(503).send({ error: 'a collector of metrics did not answer in time' });
      return reply.type(registry.contentType).send(text);
    });
  };
}
