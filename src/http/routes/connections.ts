import type { FastifyPluginAsync } from 'fastify';
import type { RouteContext } from '../context.js';
import { jsonRendering } from '../json.js';
import { refuse, rightOf } from '../right.js';
import { get } from '../route.js';

const PAGE = 100;
const MAX_PAGE = 1000;

/**
 * `GET /connections`: what is known of the open connections, the oldest first, a page
 * at a time: `?limit=` (default 100, at most 1,000), and `?after=` with the `next` of
 * the page before, which is null on the last. 401 or 403 for who may not see detail.
 */
export function connectionsRoute(context: RouteContext): FastifyPluginAsync {
  const { connections, renderings } = context;
  return async (app) => {
    get(app, '/connections', async (request, reply) => {
      const right = rightOf(context, request);
      if (right !== 'detail') return refuse(context, right, reply);
      const after = wholeNumber(request.query.after, 0);
      const limit = wholeNumber(request.query.limit, PAGE);
      if (after === undefined || limit === undefined || limit < 1 || limit > MAX_PAGE) {
        return reply.code(400).send({ error: `after takes a whole number, limit one from 1 to ${MAX_PAGE}` });
      }
      const rendering = await renderings.of(`connections ${right} ${after} ${limit}`, async () => {
        const page = connections(after, limit + 1);
        const shown = page.slice(0, limit);
        return jsonRendering({ connections: shown, next: page.length > limit ? (shown.at(-1)?.id ?? null) : null });
      });
      return renderings.send(request, reply, rendering);
    });
  };
}

function wholeNumber(given: unknown, otherwise: number): number | undefined {
  if (given === undefined) return otherwise;
  return typeof given === 'string' && /^\d{1,15}$/.test(given) ? Number(given) : undefined;
}
