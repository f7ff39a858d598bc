import type { FastifyPluginAsync } from 'fastify';
import { mayDetail } from '../link/detail.js';
import { asking, httpStatus, summary } from './answer.js';
import type { HttpContext } from './context.js';

/** The most checks that one request may name, as in a PING. */
const MAX_CHECKS = 32;

/**
 * `GET /health`: the report as application/health+json, of the readiness group
 * or of what `?group=NAME` or `?check=NAME` (repeatable, up to 32) selects. Who
 * may not see detail gets `status` and `state` alone.
 */
export function healthRoute({ health, detail }: HttpContext): FastifyPluginAsync {
  const ask = asking(health);
  return async (app) => {
    app.get<{ Querystring: Record<string, unknown> }>('/health', { exposeHeadRoute: true }, async (request, reply) => {
      const groups = names(request.query.group);
      const checks = names(request.query.check);
      if (!groups || !checks) return refuse('group and check take names');
      if (groups.length > 0 && checks.length > 0) return refuse('group and check exclude each other');
      if (groups.length > 1) return refuse('group may be given once');
      if (checks.length > MAX_CHECKS) return refuse(`check may be given ${MAX_CHECKS} times at most`);
      const [group] = groups;
      // Now, because a socket that is closed meanwhile has no address any more, as if it were local.
      const mayAll = mayDetail(detail, request.raw.socket.remoteAddress);
      const answer = await ask({
        scope: 'readiness',
        ...(checks.length > 0 && { checks }),
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

/** What stands under a key of the query; undefined where the parser of an application made something else than names of it. */
function names(given: unknown): string[] | undefined {
  const all: unknown[] = given === undefined ? [] : [given].flat();
  return all.every((name) => typeof name === 'string') ? all : undefined;
}
