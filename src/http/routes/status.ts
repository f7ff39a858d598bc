import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import { asking } from '../answer.js';
import type { RouteContext } from '../context.js';
import { jsonRendering } from '../json.js';
import { askBrowser, rightOf } from '../right.js';
import { type Get, get, type Handler } from '../route.js';
import { Live } from '../status-page/live.js';
import { board } from '../status-page/overview.js';
import { contentSecurityPolicy, document } from '../status-page/page.js';
import { type BareBoard, sections } from '../status-page/sections.js';

const EVENTS = 'status/events';
const LOGIN = 'status/login';
const EVENT_STREAM = 'text/event-stream';

export interface StatusRouteOptions {
  /** Whether the page is also what there is at `/`. */
  readonly atRoot: boolean;
  /** Viewers of the live page at once. Default 100. */
  readonly maxViewers?: number;
}

/**
 * `GET /status`: a page for people, live by the server-sent events of `GET /status/events`.
 * `GET /status.json`: its data. Who may not see detail gets the state alone.
 */
export function statusRoutes(context: RouteContext, { atRoot, maxViewers }: StatusRouteOptions): FastifyPluginAsync {
  const { health, access, overview, clock, renderings } = context;
  const ask = asking(health);
  const seen = (mayAll: boolean) => (mayAll ? board(context) : bare());
  const login = () => (access.detail === 'token' && access.tokens ? LOGIN : undefined);
  const bare = (): BareBoard => ({ state: overview.known('readiness').state });
  const mayAll = (request: FastifyRequest) => rightOf(context, request) === 'detail';

  return async (app) => {
    const live = new Live(clock, (all) => JSON.stringify(sections(seen(all), clock.wall(), login())), maxViewers);
    const forget = overview.onTransition(() => live.changed());
    app.addHook('preClose', async () => {
      forget();
      live.end();
    });

    // Whoever looks wants to see what is true now, also of checks that run on demand only.
    const refresh = async () => {
      await ask({ scope: 'readiness', group: 'all' });
      await renderings.turns.next();
    };

    const page: Handler = async (request, reply) => {
      const all = mayAll(request);
      const rendering = await renderings.of(`page ${all}`, async () => {
        await refresh();
        const text = document(sections(seen(all), clock.wall(), login()), EVENTS);
        return { type: 'text/html; charset=utf-8', body: Buffer.from(text) };
      });
      reply.headers({
        'content-security-policy': contentSecurityPolicy,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
      });
      return renderings.send(request, reply, rendering);
    };

    // The links of the page are relative to what is above it.
    get(app, '/status', async (request, reply) =>
      hasSlash(request) ? reply.redirect('../status', 308) : page(request, reply),
    );
    if (atRoot) get(app, '/', page);

    get(app, '/status.json', async (request, reply) => {
      const all = mayAll(request);
      const rendering = await renderings.of(`status.json ${all}`, async () => {
        await refresh();
        return jsonRendering(seen(all));
      });
      return renderings.send(request, reply, rendering);
    });

    get(app, `/${LOGIN}`, async (request, reply) =>
      login() && !mayAll(request)
        ? askBrowser(reply)
        : reply.redirect(hasSlash(request) ? '../../status' : '../status'),
    );

    get(app, `/${EVENTS}`, async (request, reply) => {
      if (request.method === 'HEAD') return reply.type(EVENT_STREAM).send();
      reply.hijack();
      const { raw } = reply;
      raw.writeHead(200, {
        'content-type': EVENT_STREAM,
        'cache-control': 'no-store',
        // A proxy that buffers would make it old.
        'x-accel-buffering': 'no',
      });
      live.add(raw, () => mayAll(request));
    });
  };
}

function hasSlash({ url }: Get): boolean {
  return url.split('?', 1)[0]?.endsWith('/') === true;
}
