import type { FastifyPluginAsync } from 'fastify';
import { mayDetail } from '../link/detail.js';
import { askHealth, httpStatus, summary } from './answer.js';
import type { HttpContext } from './context.js';

/** The most checks that one request may name, as in a PING. */
const MAX_CHECKS = 32;

interface HealthQuery {
  group?: string | string[];
  check?: string | string[];
}

/**
 * `GET /health`: the report as application/health+json, of the readiness group
 * or of what `?group=NAME` or `?check=NAME` (repeatable, up to 32) selects. Who
 * may not see detail gets `status` and `state` alone.
 */
export function healthRoute({ health, detail }: HttpContext): FastifyPluginAsync {
  return async (app) => {
    app.get<{ Querystring: HealthQuery }>('/health', { exposeHeadRoute: true }, async (request, reply) => {
      const { group, check } = request.query;
      const checks = typeof check === 'string' ? [check] : check;
      if (checks && group !== undefined) return refuse('group and check exclude each other');
      if (Array.isArray(group)) return refuse('group may be given once');
      if (checks && checks.length > MAX_CHECKS) return refuse(`check may be given ${MAX_CHECKS} times at most`);
      // Now, because a socket that is closed meanwhile has no address any more, as if it were local.
      const mayAll = mayDetail(detail, request.raw.socket.remoteAddress);
      const answer = await askHealth(health, {
        scope: 'readiness',
        ...(checks && { checks }),
        ...(group !== undefined && { group }),
      });
      return reply
        .code(httpStatus(answer.state))
        .type('application/health+json')
        .send(mayAll ? answer.report('full') : Buffer.from(JSON.stringify(summary(answer))));

      function refuse(error: string) {
        return reply.code(400).send({ error });
      }
    });
  };
}
