import type { FastifyPluginAsync } from 'fastify';
import { asking, httpStatus, summary } from '../answer.js';
import type { RouteContext } from '../context.js';
import { refuse as refuseToken, rightOf } from '../right.js';
import { get } from '../route.js';

/** The most checks that one request may name, as in a PING. */
const MAX_CHECKS = 32;

/**
 * `GET /health`: the report as application/health+json, of the readiness group
 * or of what `?group=NAME` or `?check=NAME` (repeatable, up to 32) selects. Who
 * may not see detail gets `status` and `state` alone; 401 for a token that is none of ours.
 */
export function healthRoute(context: RouteContext): FastifyPluginAsync {
  const ask = asking(context.health);
  return async (app) => {
    get(app, '/health', async (request, reply) => {
      const groups = names(request.query.group);
      const checks = names(request.query.check);
      if (!groups || !checks) return refuse('group and check take names');
      if (groups.length > 0 && checks.length > 0) return refuse('group and check exclude each other');
      if (groups.length > 1) return refuse('group may be given once');
      if (checks.length > MAX_CHECKS) return refuse(`check may be given ${MAX_CHECKS} times at most`);
      const [group] = groups;
      const right = rightOf(context, request);
      if (right === 'wrong-token') return refuseToken(context, right, reply);
      const answer = await ask({
        scope: 'readiness',
        ...(checks.length > 0 && { checks }),
        ...(group !== undefined && { group }),
      });
      reply.code(httpStatus(answer.state));
      const body = right === 'detail' ? answer.report('full') : Buffer.from(JSON.stringify(summary(answer)));
      return context.renderings.send(request, reply, { type: 'application/health+json', body });

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
