import type { IncomingMessage, ServerResponse } from 'node:http';
import { parse } from 'node:querystring';
import { redactor } from '../common/redact.js';
import type { ProbeExporter } from '../exporter/exporter.js';
import { type HttpContext, isDraining, type RouteContext } from './context.js';
import type { PageRoutes } from './live-page.js';
import { Renderings } from './renderings.js';
import { jsonReply, type Reply, type Route } from './route.js';
import { badgeRoute } from './routes/badge.js';
import { connectionsRoute } from './routes/connections.js';
import { fleetRoutes } from './routes/fleet.js';
import { healthRoute } from './routes/health.js';
import { kubernetesProbeRoutes } from './routes/kubernetes-probes.js';
import { metricsRoute } from './routes/metrics.js';
import { statusRoutes } from './routes/status.js';
import { Turns } from './turns.js';

export interface RouterOptions {
  /** Shared with the sockets of a dedicated server. */
  readonly turns?: Turns;
  /** Maximum number of viewers of the live pages. Default 100. */
  readonly maxViewers?: () => number;
}

const redact = redactor([]);

/** All routes, for a dedicated server, a Fastify application or another framework. */
export class Router {
  /** By path without a trailing slash. '' is the status page at the root or at the prefix. */
  readonly routes: ReadonlyMap<string, Route>;
  private readonly context: RouteContext;
  private readonly pages: readonly PageRoutes[];

  constructor(http: HttpContext, { turns = new Turns(), maxViewers }: RouterOptions = {}) {
    const context = { ...http, renderings: new Renderings(http.clock, turns) };
    const { exporter, fleet } = context;
    // With two pages, each may have half of the viewers.
    const viewers = fleet && maxViewers ? () => Math.ceil(maxViewers() / 2) : maxViewers;
    this.pages = [statusRoutes(context, viewers), ...(fleet ? [fleetRoutes(context, fleet, viewers)] : [])];
    const probe = exporter && loadProbeRoute(exporter, turns);
    this.context = context;
    this.routes = new Map<string, Route>([
      ['/health', healthRoute(context)],
      ...kubernetesProbeRoutes(context),
      ['/metrics', metricsRoute(context)],
      ['/connections', connectionsRoute(context)],
      ['/badge.svg', badgeRoute(context)],
      ...this.pages.flatMap(({ routes }) => routes),
      ...(probe ? [['/probe', async (request) => (await probe)(request)] as [string, Route]] : []),
    ]);
  }

  /** Returns the route of a path, with or without a trailing slash. */
  find(path: string): Route | undefined {
    return this.routes.get(path.endsWith('/') ? path.slice(0, -1) : path);
  }

  /**
   * Answers with 404 if there is no route, and with 405 for methods other than GET and HEAD. Resolves like a route and
   * never rejects.
   */
  async answer(route: Route | undefined, raw: IncomingMessage, response: ServerResponse): Promise<Reply | undefined> {
    const { health, log, renderings } = this.context;
    let reply: Reply | undefined;
    try {
      reply = await this.reply(route, raw, response);
    } catch (error) {
      log?.error({ error: redact(error) }, 'HTTP request failed');
      reply = jsonReply(500, { error: 'internal error' });
    }
    if (!reply) return undefined;
    // The end of a check run may release many requests at the same time.
    await renderings.turns.next();
    const closing = isDraining(health) ? { connection: 'close' } : {};
    return { ...reply, headers: { 'cache-control': 'no-store', ...reply.headers, ...closing } };
  }

  /** Ends the streams of the live pages, including streams that are opened later. */
  close(): void {
    for (const page of this.pages) page.end();
  }

  private async reply(
    route: Route | undefined,
    raw: IncomingMessage,
    response: ServerResponse,
  ): Promise<Reply | undefined> {
    if (!isRead(raw)) {
      return jsonReply(405, { error: 'method not allowed; use GET or HEAD' }, { allow: 'GET, HEAD' });
    }
    if (!route) return jsonReply(404, { error: 'not found' });
    const [, search] = splitUrl(raw.url);
    return route({ raw, response, path: requestedPath(raw), query: parse(search) });
  }
}

/** Loads the metrics library. */
async function loadProbeRoute(exporter: ProbeExporter, turns: Turns): Promise<Route> {
  const { prometheusProbeRoute } = await import('./routes/prometheus-probe.js');
  return prometheusProbeRoute(exporter, turns);
}

export function isRead({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD';
}

/**
 * The path as requested by the client. Express and others remove their prefix from `url` and keep it in `originalUrl`.
 */
export function requestedPath(request: IncomingMessage & { readonly originalUrl?: string }): string {
  return splitUrl(request.originalUrl ?? request.url)[0];
}

/** Splits a request target into path and query. The target may begin with a scheme and a host (RFC 9112, 3.2.2). */
export function splitUrl(url = ''): readonly [path: string, search: string] {
  const [path = '', search = ''] = url.replace(/^https?:\/\/[^/?]*/i, '').split(/\?(.*)/s);
  return [path, search];
}
