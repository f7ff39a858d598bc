import type { FastifyPluginAsync } from 'fastify';
import type { HttpContext } from './context.js';

/** `GET /metrics`: what was counted, in the format of the registry; 200 however unwell the service is. Runs no check. */
export function metricsRoute({ register }: HttpContext): FastifyPluginAsync {
  return async (app) => {
    app.get('/metrics', { exposeHeadRoute: true }, async (_request, reply) => {
      const joined = register();
      return reply.type(joined.contentType).send(await joined.metrics());
    });
  };
}
