import { MAX_CHECKS } from '../../health/health.js';
import { accessOf, denyAccess } from '../access.js';
import { healthQuery, httpStatus, summary } from '../answer.js';
import type { RouteContext } from '../context.js';
import { jsonReply, type Reply, type Route } from '../route.js';

/**
 * `GET /health`: the report as application/health+json, for the readiness group or the selection in `?group=NAME` or
 * `?check=NAME` (up to 32). Clients without access to detail receive only `status` and `state`. Returns 401 for an
 * invalid token.
 */
export function healthRoute(context: RouteContext): Route {
  const ask = healthQuery(context.health);
  return async (request) => {
    const [groups, checks] = [names(request.query.group), names(request.query.check)];
    if (groups.length > 0 && checks.length > 0) return badRequest('use either group or check');
    if (groups.length > 1) return badRequest('only one group is allowed');
    if (checks.length > MAX_CHECKS) return badRequest(`at most ${MAX_CHECKS} checks are allowed`);
    const [group] = groups;
    const access = accessOf(context, request);
    if (access === 'wrong-token') return denyAccess(context, access);
    const answer = await ask({
      scope: 'readiness',
      ...(checks.length > 0 && { checks }),
      ...(group !== undefined && { group }),
    });
    const body = access === 'detail' ? answer.report('full') : Buffer.from(JSON.stringify(summary(answer)));
    return context.renderings.reply(request, { type: 'application/health+json', body }, httpStatus(answer.state));
  };
}

function badRequest(error: string): Reply {
  return jsonReply(400, { error });
}

function names(parameter: string | string[] = []): string[] {
  return [parameter].flat();
}
