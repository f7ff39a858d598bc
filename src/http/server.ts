import { lookup } from 'node:dns/promises';
import type { Server } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { silentLog } from '../common/log.js';
import { HttpStats } from '../metrics/http-stats.js';
import { hostAndPort } from '../net/address.js';
import { cannotListen } from '../net/listen-error.js';
import type { LiveCertificate } from '../server/certificates/live-certificate.js';
import { acceptQueued } from '../server/sockets/accept-queued.js';
import { type HttpContext, isDraining } from './context.js';
import { errorSender, type HttpPluginOptions, httpPlugin } from './plugin.js';
import { Acceptor, type AcceptorLimits, defaultLimits, KEEP_ALIVE_TIMEOUT_MS } from './sockets/acceptor.js';
import { MAX_VIEWERS } from './status-page/live.js';
import { Turns } from './turns.js';

/** Time for a complete request, from its first byte. Connections that have sent nothing have their own limit. */
const REQUEST_TIMEOUT_MS = 5000;
/** How often Node checks for incomplete requests. */
const REQUEST_CHECK_INTERVAL_MS = 1000;
/** No route reads a body. */
const MAX_BODY_BYTES = 1024;
/** How long `close` waits for requests in flight: all are answered within 900 ms. */
const CLOSE_TIMEOUT_MS = 1000;
/** Part of that time in which `close` may accept queued connections; the rest is for the answers. */
const ACCEPT_MS = 100;

export interface HttpServerOptions extends HttpContext {
  readonly host: string;
  /** 0 selects any free port. */
  readonly port: number;
  readonly limits?: Partial<AcceptorLimits>;
  /** Counters of its connections, for the metrics. */
  readonly stats?: HttpStats;
  /** Serves HTTPS. Default: HTTP without TLS. */
  readonly certificate?: LiveCertificate | undefined;
}

/** A dedicated HTTP server for the routes. */
export interface HttpServer {
  /** `http://HOST:PORT`, or `https://`, with the actual port. */
  readonly address: string;
  /** The underlying server of Node. */
  readonly server: Server;
  /** Applies other limits to connections from now on. Open connections stay until they have to make room. */
  setLimits(limits: AcceptorLimits): void;
  /** Stops accepting, and waits up to 1 s for requests in flight. Never rejects. */
  close(): Promise<void>;
}

/**
 * Opens the server. Fastify is loaded only when this is called.
 *
 * @throws PongcheckError (rejects) `PONGCHECK_LISTEN`; nothing is left open then.
 */
export async function openHttp(options: HttpServerOptions): Promise<HttpServer> {
  const { host, port, clock, certificate, log = silentLog, stats = new HttpStats() } = options;
  const turns = new Turns();
  const listener = addressOf(host, port, certificate);
  const limits = { ...defaultLimits, ...options.limits };
  // Viewers of the page leave connections for probes and scrapers.
  const maxViewers = () => Math.min(MAX_VIEWERS, Math.ceil(acceptor.limits.maxConnections / 2));
  const app = await createApp(options, { atRoot: true, turns, maxViewers });
  const isTls = certificate !== undefined;
  const acceptor = new Acceptor(app.server, { isTls, limits, turns, stats, clock, log, listener });
  try {
    // Binds one address, as a PING listener does. For `localhost` Fastify would bind several, and not wait for all on close.
    const { address } = await lookup(host);
    await app.listen({ host: address, port });
  } catch (error) {
    await app.close();
    throw cannotListen(listener, error as NodeJS.ErrnoException);
  }
  const bound = app.server.address() as AddressInfo;
  return {
    address: addressOf(host, bound.port, certificate),
    server: app.server,
    setLimits: (limits) => acceptor.setLimits(limits),
    close: async () => {
      const limit = clock.after(CLOSE_TIMEOUT_MS, () => acceptor.destroy());
      const acceptUntil = clock.now() + ACCEPT_MS;
      await acceptQueued([app.server], () => clock.now() >= acceptUntil);
      await app.close();
      clock.clear(limit);
    },
  };
}

async function createApp(
  { certificate, ...context }: HttpServerOptions,
  routes: HttpPluginOptions,
): Promise<FastifyInstance> {
  const { fastify } = await import('fastify');
  const sendError = errorSender(context);
  const app = fastify({
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    forceCloseConnections: 'idle',
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // During the close, requests on open connections get the actual status, draining.
    return503OnClosing: false,
    ...transport(certificate),
    frameworkErrors: (error, request, reply) => {
      // Hooks are not called for requests that no route received.
      if (isDraining(context.health)) reply.header('connection', 'close');
      sendError(error, request, reply);
    },
  });
  certificate?.attach(app.server as unknown as HttpsServer);
  app.addHook('onSend', async (_request, reply) => {
    if (isDraining(context.health)) reply.header('connection', 'close');
  });
  app.addHook('onRequest', async (request, reply) => {
    const { method, headers } = request;
    const isRead = method === 'GET' || method === 'HEAD';
    // No route reads a body, so the connection cannot be reused.
    if (!isRead || headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) {
      reply.header('connection', 'close');
    }
    if (isRead) return;
    return reply.code(405).header('allow', 'GET, HEAD').send({ error: 'method not allowed; use GET or HEAD' });
  });
  app.setErrorHandler(sendError);
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'not found' }));
  await app.register(httpPlugin(context, routes));
  return app;
}

/** Options of Node's HTTP or HTTPS server. Fastify's types distinguish the two; this code treats them alike. */
function transport(certificate: LiveCertificate | undefined): { http: object } {
  const timeouts = {
    headersTimeout: REQUEST_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: REQUEST_CHECK_INTERVAL_MS,
  };
  if (!certificate) return { http: timeouts };
  const { options, requestsClientCertificates } = certificate;
  const https = { ...timeouts, ...options, requestCert: requestsClientCertificates };
  return { https } as unknown as { http: object };
}

function addressOf(host: string, port: number, certificate: LiveCertificate | undefined): string {
  return `${certificate ? 'https' : 'http'}://${hostAndPort({ kind: 'tcp', host, port })}`;
}
