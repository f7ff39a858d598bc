import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Router, requestedPath, splitUrl } from './router.js';

/**
 * Request handler for `node:http`, Express, Koa, Nest and others.
 *
 * @param next called instead of answering with 404 if no route has the path.
 */
export type HttpHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error?: unknown) => void,
) => void;

/** @param prefix path of the status page, which precedes the paths of the routes; '' for none. */
export function httpHandler(router: Router, prefix = ''): HttpHandler {
  return (request, response, next) => {
    const [path] = splitUrl(request.url);
    const isUnder = path === prefix || path.startsWith(`${prefix}/`);
    // If there is an application, it handles `/`, as with the plugin.
    const isTaken = next !== undefined && requestedPath(request) === '/';
    const route = isUnder && !isTaken ? router.find(path.slice(prefix.length)) : undefined;
    if (!route && next) return next();
    void router.answer(route, request, response).then((reply) => {
      // The application may already have sent a timeout response.
      if (!reply || response.headersSent) return;
      const { status, headers, body } = reply;
      response.writeHead(status, { ...headers, 'content-length': body.length }).end(body);
    });
  };
}
