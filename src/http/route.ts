import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

export type Get = FastifyRequest<{ Querystring: Record<string, unknown> }>;
/** Returns the body, unless it was sent through `reply`. */
export type Handler = (request: Get, reply: FastifyReply) => Promise<unknown>;

/** Adds a route for GET and HEAD, with and without a trailing slash. */
export function get(app: FastifyInstance, path: string, handler: Handler): void {
  const { ignoreTrailingSlash, routerOptions } = app.initialConfig as {
    ignoreTrailingSlash?: boolean;
    routerOptions?: { ignoreTrailingSlash?: boolean };
  };
  const isSame = path === '/' || ignoreTrailingSlash || routerOptions?.ignoreTrailingSlash;
  for (const url of isSame ? [path] : [path, `${path}/`]) app.get(url, { exposeHeadRoute: true }, handler);
}
