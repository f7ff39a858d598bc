import type { FastifyPluginAsync } from 'fastify';
import { MAX_CHECKS } from '../../health/health.js';
import { healthQuery, httpStatus, summary } from '../answer.js';
import type { RouteContext } from '../context.js';
import { denyAccess, rightOf } from '../right.js';
import { get } from '../route.js';

/**
 * `GET /health`: the report as application/health+json, of the readiness group or of the selection by `?group=NAME` or
 * `?check=NAME` (up to 32). Clients without access to detail get `status` and `state` only; 401 for an invalid token.
 */
export function healthRoute(context: RouteContext): FastifyPluginAsync {
  const ask = healthQuery(context.health);
  return async (app) => {
    get(app, '/health', async (request, reply) => {
      const groups = names(request.query.group);
      const checks = names(request.query.check);
      if (!groups || !checks) return badRequest('group and check must be names');
      if (groups.length > 0 && checks.length > 0) return badRequest('use either group or check');
      if (groups.length > 1) return badRequest('only one group is allowed');
      if (checks.length > MAX_CHECKS) return badRequest(`at most ${MAX_CHECKS} checks are allowed`);
      const [group] = groups;
      const right = rightOf(context, request);
      if (right === 'wrong-token') return denyAccess(context, right, reply);
      const answer = await ask({
        scope: 'readiness',
        ...(checks.length > 0 && { checks }),
        ...(group !== undefined && { group }),
      });
      reply.code(httpStatus(answer.state));
      const body = right === 'detail' ? answer.report('full') : Buffer.from(JSON.stringify(summary(answer)));
      return context.renderings.send(request, reply, { type: 'application/health+json', body });

      function badRequest(error: string) {
        return reply.code(400).send({ error });
      }
    });
  };
}

/** The values of a query parameter; undefined if the query parser of the application returned types other than strings. */
function names(parameter: unknown): string[] | undefined {
  const values: unknown[] = parameter === undefined ? [] : [parameter].flat();
  return values.every((name) => typeof name === 'string') ? values : undefined;
}
