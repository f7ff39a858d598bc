import { accessOf } from '../access.js';
import { healthQuery } from '../answer.js';
import type { RouteContext } from '../context.js';
import { jsonRendering } from '../json.js';
import { hasSlash, livePageRoutes, type PageRoutes } from '../live-page.js';
import { type Get, type Route, redirect } from '../route.js';
import { compactHistory } from '../status-page/compact-history.js';
import { board, checksOf, type Overview } from '../status-page/overview.js';
import { type BareBoard, bareParts, boardParts, type Filter } from '../status-page/sections.js';

/**
 * `GET /status`, and the prefix itself: the status page, updated with the server-sent events of `GET /status/events`.
 * Both accept `?group=` and `?check=` as filters. `GET /status.json`: its data. Clients without access to detail
 * receive only the state.
 */
export function statusRoutes(context: RouteContext, maxViewers?: () => number): PageRoutes {
  const { health, overview, clock, renderings } = context;
  const ask = healthQuery(health);
  const bare = (): BareBoard => ({ state: overview.known('readiness').state });

  // Viewers expect current results, including results of checks that run only on demand.
  const refresh = async () => {
    await ask({ scope: 'readiness', group: 'all' });
    await renderings.turns.next();
  };

  const { page, events, login, end } = livePageRoutes(context, {
    path: 'status',
    parts: (view, access) =>
      access
        ? bareParts(bare(), access)
        : boardParts(board(context), clock.wall(), overview.history, filterOf(view, context)),
    viewOf: (request) => viewOf(request, overview),
    refresh,
    onChange: overview.onTransition,
    maxViewers,
  });

  // The links on the page are relative to its parent path, so the page has only one form of its path.
  const atPrefix: Route = async (request) =>
    hasSlash(request) ? page(request) : redirect(308, `./${request.path.replace(/.*\//, '')}/`);
  const status: Route = async (request) => (hasSlash(request) ? redirect(308, '../status') : page(request));

  const json: Route = async (request) => {
    const detail = accessOf(context, request) === 'detail';
    const rendering = await renderings.of(`status.json ${detail}`, async () => {
      await refresh();
      return jsonRendering(detail ? { ...board(context), history: compactHistory(overview.history) } : bare());
    });
    return renderings.reply(request, rendering);
  };

  return {
    routes: [
      ['', atPrefix],
      ['/status', status],
      ['/status.json', json],
      ['/status/login', login],
      ['/status/events', events],
    ],
    end,
  };
}

/**
 * The filter of a request as a URL query; empty if there is none. Names that do not exist are ignored, so the number of
 * views is limited.
 */
function viewOf({ query: { group, check } }: Get, overview: Overview): string {
  if (typeof check === 'string' && overview.checks().some(({ name }) => name === check)) {
    return `?check=${encodeURIComponent(check)}`;
  }
  if (typeof group !== 'string' || group === 'all' || !overview.groups().includes(group)) return '';
  return `?group=${encodeURIComponent(group)}`;
}

function filterOf(view: string, context: RouteContext): Filter {
  const { group, check } = Object.fromEntries(new URLSearchParams(view));
  const members = group === undefined ? undefined : checksOf(group, context);
  const shows = (name: string) => (check === undefined || name === check) && (members?.has(name) ?? true);
  return { group, check, shows };
}
