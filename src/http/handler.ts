import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Router, requestedPath, splitUrl } from './router.js';

/**
 * Answers a request of `node:http`, Express, Koa, Nest and others.
 *
 * @param next called if no route has the path, instead of an answer with 404.
 */
export type HttpHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error?: unknown) => void,
) => void;

/** @param prefix path of the status page, in front of the paths of the routes; '' for none. */
export function httpHandler(router: Router, prefix = ''): HttpHandler {
  return (request, response, next) => {
    const [path] = splitUrl(request.url);
    const isUnder = path === prefix || path.startsWith(`${prefix}/`);
    // As with the plugin, `/` is the page of the application, if there is one.
    const isTaken = next !== undefined && requestedPath(request) === '/';
    const route = isUnder && !isTaken ? router.find(path.slice(prefix.length)) : undefined;
    if (!route && next) return next();
    void router.answer(route, request, response).then((reply) => {
      // A time limit of the application may have answered already.
      if (!reply || response.headersSent) return;
      const { status, headers, body } = reply;
      response.writeHead(status, { ...headers, 'content-length': body.length }).end(body);
    });
  };
}
