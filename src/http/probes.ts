import type { FastifyPluginAsync } from 'fastify';
import type { Scope } from '../health/health.js';
import { askHealth, httpStatus, summary } from './answer.js';
import type { HttpContext } from './context.js';

/** The probes of an orchestrator: which path asks for what. Liveness runs no check. */
export const probePaths: Readonly<Record<string, Scope>> = {
  '/livez': 'liveness',
  '/readyz': 'readiness',
  '/startupz': 'startup',
};

/** `GET /livez`, `/readyz`, `/startupz`: the status code is the answer, `{status, state}` says it in words. */
export function probeRoutes({ health }: HttpContext): FastifyPluginAsync {
  return async (app) => {
    for (const [path, scope] of Object.entries(probePaths)) {
      app.get(path, { exposeHeadRoute: true }, async (_request, reply) => {
        const answer = await askHealth(health, { scope });
        return reply.code(httpStatus(answer.state)).send(summary(answer));
      });
    }
  };
}
