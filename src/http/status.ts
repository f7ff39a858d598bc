import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { asking } from './answer.js';
import { board } from './board.js';
import type { HttpContext } from './context.js';
import { Live } from './live.js';
import { contentSecurityPolicy, document } from './page.js';
import { type BareBoard, sections } from './page-sections.js';
import { askBrowser, rightOf } from './right.js';

const EVENTS = 'status/events';
const LOGIN = 'status/login';

export interface StatusRouteOptions {
  /** Whether the page is also what there is at `/`. */
  readonly atRoot: boolean;
}

/**
 * `GET /status`: a page for people, live by the server-sent events of `GET /status/events`.
 * `GET /status.json`: its data. Who may not see detail gets the state alone.
 */
export function statusRoutes(context: HttpContext, { atRoot }: StatusRouteOptions): FastifyPluginAsync {
  const { health, access, overview, clock } = context;
  const ask = asking(health);
  const seen = (mayAll: boolean) => (mayAll ? board(context) : bare());
  const login = () => (access.detail === 'token' && access.tokens ? LOGIN : undefined);
  const bare = (): BareBoard => ({ state: overview.known('readiness').state });
  const mayAll = (request: FastifyRequest) => rightOf(context, request) === 'detail';

  return async (app) => {
    const live = new Live(clock, (all) => JSON.stringify(sections(seen(all), clock.wall(), login())));
    const forget = overview.onTransition(() => live.changed());
    app.addHook('preClose', async () => {
      forget();
      live.end();
    });

    async function page(request: FastifyRequest, reply: FastifyReply) {
      const all = mayAll(request);
      // Whoever looks wants to see what is true now, also of checks that run on demand only.
      await ask({ scope: 'readiness', group: 'all' });
      return reply
        .type('text/html; charset=utf-8')
        .headers({
          'content-security-policy': contentSecurityPolicy,
          'x-content-type-options': 'nosniff',
          'referrer-policy': 'no-referrer',
        })
        .send(document(sections(seen(all), clock.wall(), login()), EVENTS));
    }

    app.get('/status', { exposeHeadRoute: true }, page);
    if (atRoot) app.get('/', { exposeHeadRoute: true }, page);

    app.get('/status.json', { exposeHeadRoute: true }, async (request) => {
      const all = mayAll(request);
      await ask({ scope: 'readiness', group: 'all' });
      return seen(all);
    });

    app.get(`/${LOGIN}`, async (request, reply) =>
      login() && !mayAll(request) ? askBrowser(reply) : reply.redirect('../status'),
    );

    app.get(`/${EVENTS}`, async (request, reply) => {
      if (live.isFull) {
        return reply.code(503).header('retry-after', '5').send({ error: 'too many look at the page already' });
      }
      reply.hijack();
      const { raw } = reply;
      raw.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        // A proxy that buffers would make it old.
        'x-accel-buffering': 'no',
      });
      live.add(raw, () => mayAll(request));
    });
  };
}
