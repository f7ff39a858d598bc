import type { FastifyInstance } from 'fastify';
import type { HttpContext } from './context.js';
import { Router } from './router.js';

/**
 * A Fastify plugin, declared without Fastify's types because an application may not have them.
 *
 * @param app the Fastify application.
 */
export type FastifyPlugin = (app: object, options: { readonly logLevel?: string }) => Promise<void>;

/**
 * Returns all routes as one Fastify plugin: `app.register(plugin, { prefix: '/internal' })`. Without a prefix, `/` is
 * left to the application. Requests are not logged unless `logLevel` is set.
 */
export function httpPlugin(http: HttpContext): FastifyPlugin {
  return async (application, { logLevel = 'silent' }) => {
    const app = application as FastifyInstance;
    const router = new Router({ ...http, log: http.log ?? app.log });
    app.addHook('preClose', async () => router.close());
    const options = { exposeHeadRoute: true, logLevel: logLevel as 'silent' };
    for (const [path, route] of router.routes) {
      for (const url of urlsOf(path, app)) {
        app.get(url, options, async (request, reply) => {
          const answer = await router.answer(route, request.raw, reply.raw);
          if (!answer) return reply.hijack();
          // Fastify would add a content type to an empty body.
          return reply
            .code(answer.status)
            .headers(answer.headers)
            .send(answer.body.length > 0 ? answer.body : undefined);
        });
      }
    }
  };
}

/** The URLs of a path with and without a trailing slash. */
function urlsOf(path: string, { prefix, initialConfig }: FastifyInstance): readonly string[] {
  // Fastify also registers the prefix without a slash.
  if (path === '') return prefix === '' ? [] : ['/'];
  const { ignoreTrailingSlash, routerOptions } = initialConfig as {
    ignoreTrailingSlash?: boolean;
    routerOptions?: { ignoreTrailingSlash?: boolean };
  };
  return ignoreTrailingSlash || routerOptions?.ignoreTrailingSlash ? [path] : [path, `${path}/`];
}
