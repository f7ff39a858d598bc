import { accessOf, denyAccess } from '../access.js';
import type { RouteContext } from '../context.js';
import { jsonRendering } from '../json.js';
import { jsonReply, type Route } from '../route.js';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

/**
 * `GET /connections`: the open connections, oldest first, in pages of `?limit=` (default 100, maximum 1,000). `?after=`
 * accepts `next` from the previous page; `next` is null on the last page. Returns 401 or 403 without access to detail.
 */
export function connectionsRoute(context: RouteContext): Route {
  const { connections, renderings } = context;
  return async (request) => {
    const access = accessOf(context, request);
    if (access !== 'detail') return denyAccess(context, access);
    const after = wholeNumber(request.query.after, 0);
    const limit = wholeNumber(request.query.limit, DEFAULT_LIMIT);
    if (after === undefined || limit === undefined || limit < 1 || limit > MAX_LIMIT) {
      return jsonReply(400, { error: `after must be a whole number, limit a whole number from 1 to ${MAX_LIMIT}` });
    }
    const rendering = await renderings.of(`connections ${access} ${after} ${limit}`, async () => {
      const page = await connections(after, limit + 1);
      const items = page.slice(0, limit);
      return jsonRendering({ connections: items, next: page.length > limit ? (items.at(-1)?.id ?? null) : null });
    });
    return renderings.reply(request, rendering);
  };
}

function wholeNumber(parameter: unknown, fallback: number): number | undefined {
  if (parameter === undefined) return fallback;
  return typeof parameter === 'string' && /^\d{1,15}$/.test(parameter) ? Number(parameter) : undefined;
}
