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
  /** Shared with the sockets of a dedicated server. */
  readonly turns?: Turns;
}

/**
 * All routes as one Fastify plugin, for a dedicated server or an existing application:
 * `app.register(plugin, { prefix: '/internal' })`. Its hooks and its error handler apply to its own routes only, and `/`
 * is left to the application.
 */
export function httpPlugin(http: HttpContext, options: HttpPluginOptions = { atRoot: false }): FastifyPluginAsync {
  return async (app) => {
    const { turns = new Turns() } = options;
    const context = { ...http, renderings: new Renderings(http.clock, turns) };
    app.addHook('onSend', async (_request, reply) => {
      // The end of one run of a check may release many requests at once.
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
    if (context.exporter) await app.register((await import('./routes/probe.js')).probeRoute(context.exporter, turns));
  };
}

const redact = redactor([]);

/** Answers every error with a small object. Details of internal errors go to the log only. */
export function errorSender({ log }: HttpContext) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    const { statusCode = 500 } = error;
    const isInternal = statusCode >= 500;
    if (isInternal) (log ?? request.log).error({ error: redact(error) }, 'HTTP request failed');
    reply.code(statusCode).send({ error: isInternal ? 'internal error' : 'bad request' });
  };
}
