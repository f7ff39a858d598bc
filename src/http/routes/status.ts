import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import { healthQuery } from '../answer.js';
import type { RouteContext } from '../context.js';
import { jsonRendering } from '../json.js';
import { promptForToken, rightOf } from '../right.js';
import { type Get, get, type Handler } from '../route.js';
import { Live } from '../status-page/live.js';
import { board } from '../status-page/overview.js';
import { loadPage } from '../status-page/page.js';
import { type BareBoard, sections } from '../status-page/sections.js';

const EVENTS = 'status/events';
const LOGIN = 'status/login';
const EVENT_STREAM = 'text/event-stream';

export interface StatusRouteOptions {
  /** Serves the page at `/` as well. */
  readonly atRoot: boolean;
  /** Maximum number of viewers of the live page. Default 100. */
  readonly maxViewers?: () => number;
}

/**
 * `GET /status`: the status page, kept live by the server-sent events of `GET /status/events`.
 * `GET /status.json`: its data. Clients without access to detail get the state only.
 */
export function statusRoutes(context: RouteContext, { atRoot, maxViewers }: StatusRouteOptions): FastifyPluginAsync {
  const { health, access, overview, clock, renderings } = context;
  const ask = healthQuery(health);
  const boardFor = (seesDetail: boolean) => (seesDetail ? board(context) : bare());
  const login = () => (access.detail === 'token' && access.tokens ? LOGIN : undefined);
  const sectionsFor = (seesDetail: boolean) =>
    sections(boardFor(seesDetail), clock.wall(), { mode: access.detail, login: login() });
  const bare = (): BareBoard => ({ state: overview.known('readiness').state });
  const seesDetail = (request: FastifyRequest) => rightOf(context, request) === 'detail';

  return async (app) => {
    const { contentSecurityPolicy, render } = await loadPage();
    const live = new Live(clock, renderings.turns, (detail) => JSON.stringify(sectionsFor(detail)), maxViewers);
    const unsubscribe = overview.onTransition(() => live.changed());
    app.addHook('preClose', async () => {
      unsubscribe();
      live.end();
    });

    // Viewers expect current results, including those of checks that run on demand only.
    const refresh = async () => {
      await ask({ scope: 'readiness', group: 'all' });
      await renderings.turns.next();
    };

    const page: Handler = async (request, reply) => {
      const detail = seesDetail(request);
      const rendering = await renderings.of(`page ${detail}`, async () => {
        await refresh();
        return { type: 'text/html; charset=utf-8', body: Buffer.from(render(sectionsFor(detail), EVENTS)) };
      });
      reply.headers({
        'content-security-policy': contentSecurityPolicy,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
      });
      return renderings.send(request, reply, rendering);
    };

    // The links of the page are relative to its parent path.
    get(app, '/status', async (request, reply) =>
      hasSlash(request) ? reply.redirect('../status', 308) : page(request, reply),
    );
    if (atRoot) get(app, '/', page);

    get(app, '/status.json', async (request, reply) => {
      const detail = seesDetail(request);
      const rendering = await renderings.of(`status.json ${detail}`, async () => {
        await refresh();
        return jsonRendering(boardFor(detail));
      });
      return renderings.send(request, reply, rendering);
    });

    get(app, `/${LOGIN}`, async (request, reply) =>
      login() && !seesDetail(request)
        ? promptForToken(reply)
        : reply.redirect(hasSlash(request) ? '../../status' : '../status'),
    );

    get(app, `/${EVENTS}`, async (request, reply) => {
      if (request.method === 'HEAD') return reply.type(EVENT_STREAM).send();
      reply.hijack();
      const { raw } = reply;
      raw.writeHead(200, {
        'content-type': EVENT_STREAM,
        'cache-control': 'no-store',
        // A buffering proxy would delay the events.
        'x-accel-buffering': 'no',
      });
      live.add(raw, () => seesDetail(request));
    });
  };
}

function hasSlash({ url }: Get): boolean {
  return url.split('?', 1)[0]?.endsWith('/') === true;
}
