import type { FastifyPluginAsync } from 'fastify';
import type { HttpContext } from './context.js';

/** `GET /metrics`: what was counted, in the format of the registry; 200 however unwell the service is. Runs no check. */
export function metricsRoute({ register }: HttpContext): FastifyPluginAsync {
  return async (app) => {
    const registry = register();
    app.get('/metrics', { exposeHeadRoute: true }, async (_request, reply) => {
      const text = await registry.metrics();
      return reply.type(registry.contentType).send(text);
    });
  };
}
