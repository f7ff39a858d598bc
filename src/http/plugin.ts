import type { FastifyError, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { redactor } from '../common/redact.js';
import { type HttpContext, isDraining } from './context.js';
import { Renderings } from './renderings.js';
import { connectionsRoute } from './routes/connections.js';
import { healthRoute } from './routes/health.js';
import { metricsRoute } from './routes/metrics.js';
import { probeRoutes } from './routes/probes.js';
import { type StatusRouteOptions, statusRoutes } from './routes/status.js';
import { Turns } from './turns.js';

export interface HttpPluginOptions extends StatusRouteOptions {
  /** Default: turns of its own. */
  readonly turns?: Turns;
}

/**
 * All routes as one plugin, for an own server or for an application that
 * exists: `app.register(plugin, { prefix: '/internal' })`. Its hooks and its
 * error handler hold for its own routes only, and `/` is left to the application.
 */
export function httpPlugin(http: HttpContext, options: HttpPluginOptions = { atRoot: false }): FastifyPluginAsync {
  return async (app) => {
    const { turns = new Turns() } = options;
    const context = { ...http, renderings: new Renderings(http.clock, turns) };
    app.addHook('onSend', async (_request, reply) => {
      // Many may wait for the same run of a check, and are answered when that is done.
      await turns.next();
      reply.header('cache-control', 'no-store');
      if (isDraining(context.health)) reply.header('connection', 'close');
    });
    app.setErrorHandler(errorSender(context));
    await app.register(healthRoute(context));
    await app.register(probeRoutes(context));
    await app.register(metricsRoute(context));
    await app.register(connectionsRoute(context));
    await app.register(statusRoutes(context, options));
    if (context.fleet) await app.register((await import('./routes/probe.js')).probeRoute(context.fleet, turns));
  };
}

const redact = redactor([]);

/** Answers one small object, whatever went wrong: what the client did is told, what broke here only to the log. */
export function errorSender({ log }: HttpContext) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    const { statusCode = 500 } = error;
    const isOurs = statusCode >= 500;
    if (isOurs) (log ?? request.log).error({ error: redact(error) }, 'an HTTP request failed');
    reply.code(statusCode).send({ error: isOurs ? 'internal error' : 'bad request' });
  };
}
