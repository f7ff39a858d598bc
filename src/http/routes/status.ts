import { healthQuery } from '../answer.js';
import type { RouteContext } from '../context.js';
import { jsonRendering } from '../json.js';
import { promptForToken, rightOf } from '../right.js';
import { type Get, type Route, redirect } from '../route.js';
import { compactHistory } from '../status-page/compact-history.js';
import { Live } from '../status-page/live.js';
import { board, checksOf, type Overview } from '../status-page/overview.js';
import { type LivePage, loadPage } from '../status-page/page.js';
import type { Parts } from '../status-page/parts.js';
import { type BareBoard, bareParts, boardParts, type Filter } from '../status-page/sections.js';

const EVENTS = 'status/events';
const LOGIN = 'status/login';
const EVENT_STREAM = 'text/event-stream';

/**
 * `GET /status`, and the prefix itself: the status page, kept live by the server-sent events of `GET /status/events`. Both
 * take `?group=` and `?check=` as filters. `GET /status.json`: its data. Clients without access to detail get the state only.
 */
export function statusRoutes(
  context: RouteContext,
  maxViewers?: () => number,
): { readonly routes: readonly [path: string, Route][]; readonly live: { end(): void } } {
  const { health, access, overview, clock, renderings } = context;
  const ask = healthQuery(health);
  const login = () => (access.detail === 'token' && access.tokens ? LOGIN : undefined);
  const partsFor = (view: string, seesDetail: boolean): Parts =>
    seesDetail
      ? boardParts(board(context), clock.wall(), overview.history, filterOf(view, context))
      : bareParts(bare(), { mode: access.detail, login: login() });
  const bare = (): BareBoard => ({ state: overview.known('readiness').state });
  const seesDetail = (request: Get) => rightOf(context, request) === 'detail';
  const live = new Live(clock, renderings.turns, partsFor, maxViewers);
  const unsubscribe = overview.onTransition(() => live.changed());
  let loading: Promise<LivePage> | undefined;

  // Viewers expect current results, including those of checks that run on demand only.
  const refresh = async () => {
    await ask({ scope: 'readiness', group: 'all' });
    await renderings.turns.next();
  };

  const page: Route = async (request) => {
    const detail = seesDetail(request);
    const view = detail ? viewOf(request, overview) : '';
    loading ??= loadPage();
    const { contentSecurityPolicy, render } = await loading;
    const rendering = await renderings.of(`page ${detail} ${view}`, async () => {
      await refresh();
      const page = render(partsFor(view, detail), `${EVENTS}${view}`, clock.wall());
      return { type: 'text/html; charset=utf-8', body: Buffer.from(page) };
    });
    return renderings.reply(request, rendering, 200, {
      'content-security-policy': contentSecurityPolicy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
  };

  // The links of the page are relative to its parent path, so it has one form of each path.
  const atPrefix: Route = async (request) =>
    hasSlash(request) ? page(request) : redirect(308, `./${request.path.replace(/.*\//, '')}/`);
  const status: Route = async (request) => (hasSlash(request) ? redirect(308, '../status') : page(request));

  const json: Route = async (request) => {
    const detail = seesDetail(request);
    const rendering = await renderings.of(`status.json ${detail}`, async () => {
      await refresh();
      return jsonRendering(detail ? { ...board(context), history: compactHistory(overview.history) } : bare());
    });
    return renderings.reply(request, rendering);
  };

  const loginPrompt: Route = async (request) =>
    login() && !seesDetail(request)
      ? promptForToken()
      : redirect(302, hasSlash(request) ? '../../status' : '../status');

  const events: Route = async (request) => {
    const { raw, response } = request;
    const headers = {
      'content-type': EVENT_STREAM,
      'cache-control': 'no-store',
      // A buffering proxy would delay the events.
      'x-accel-buffering': 'no',
    };
    if (raw.method === 'HEAD') return { status: 200, headers, body: Buffer.alloc(0) };
    response.writeHead(200, headers);
    live.add(response, () => seesDetail(request), seesDetail(request) ? viewOf(request, overview) : '');
    return undefined;
  };

  return {
    routes: [
      ['', atPrefix],
      ['/status', status],
      ['/status.json', json],
      [`/${LOGIN}`, loginPrompt],
      [`/${EVENTS}`, events],
    ],
    live: {
      end: () => {
        unsubscribe();
        live.end();
      },
    },
  };
}

function hasSlash({ path }: Get): boolean {
  return path.endsWith('/');
}

/**
 * The filter of a request as the query of a URL; empty without one. Names that do not exist are ignored, so the number of
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
