import { healthQuery } from '../answer.js';
import type { RouteContext } from '../context.js';
import { jsonRendering } from '../json.js';
import { promptForToken, rightOf } from '../right.js';
import { type Get, type Route, redirect } from '../route.js';
import { compactHistory } from '../status-page/compact-history.js';
import { Live } from '../status-page/live.js';
import { board } from '../status-page/overview.js';
import { loadPage, type StatusPage } from '../status-page/page.js';
import { type BareBoard, sections } from '../status-page/sections.js';

const EVENTS = 'status/events';
const LOGIN = 'status/login';
const EVENT_STREAM = 'text/event-stream';

/**
 * `GET /status`, and the prefix itself: the status page, kept live by the server-sent events of `GET /status/events`.
 * `GET /status.json`: its data. Clients without access to detail get the state only.
 */
export function statusRoutes(
  context: RouteContext,
  maxViewers?: () => number,
): { readonly routes: readonly [path: string, Route][]; readonly live: { end(): void } } {
  const { health, access, overview, clock, renderings } = context;
  const ask = healthQuery(health);
  const boardFor = (seesDetail: boolean) => (seesDetail ? board(context) : bare());
  const login = () => (access.detail === 'token' && access.tokens ? LOGIN : undefined);
  const sectionsFor = (seesDetail: boolean) =>
    sections(boardFor(seesDetail), clock.wall(), { mode: access.detail, login: login() });
  const bare = (): BareBoard => ({ state: overview.known('readiness').state });
  const seesDetail = (request: Get) => rightOf(context, request) === 'detail';
  const live = new Live(clock, renderings.turns, (detail) => JSON.stringify(sectionsFor(detail)), maxViewers);
  const unsubscribe = overview.onTransition(() => live.changed());
  let loading: Promise<StatusPage> | undefined;

  // Viewers expect current results, including those of checks that run on demand only.
  const refresh = async () => {
    await ask({ scope: 'readiness', group: 'all' });
    await renderings.turns.next();
  };

  const page: Route = async (request) => {
    const detail = seesDetail(request);
    loading ??= loadPage();
    const { contentSecurityPolicy, render } = await loading;
    const rendering = await renderings.of(`page ${detail}`, async () => {
      await refresh();
      return { type: 'text/html; charset=utf-8', body: Buffer.from(render(sectionsFor(detail), EVENTS)) };
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
    live.add(response, () => seesDetail(request));
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
