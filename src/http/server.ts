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
import { type HttpContext, isDraining } from './context.js';
import { errorSender, type HttpPluginOptions, httpPlugin } from './plugin.js';
import { Acceptor, KEEP_ALIVE_TIMEOUT } from './sockets/acceptor.js';
import { MAX_VIEWERS } from './status-page/live.js';
import { Turns } from './turns.js';

/** A request that was begun has to be complete after this, in milliseconds; nothing is said of connections that have sent none. */
const REQUEST_TIMEOUT = 5000;
/** How often Node looks for such requests. */
const REQUEST_LOOK = 1000;
/** No route takes a body. */
const BODY_LIMIT = 1024;
/** How long `close` waits for requests in flight: all are answered within 900 ms. */
const CLOSE_LIMIT = 1000;

/** The limits of an HTTP server of its own. */
export interface HttpLimits {
  /** Connections at once; beyond that those make room that have sent no request or are idle. Default 1,000. */
  readonly maxConnections: number;
  /** Connections at once from one IPv4 address or IPv6 network; 0 = unlimited. Default 0. */
  readonly maxConnectionsPerAddress: number;
}

export const defaultHttpLimits: HttpLimits = { maxConnections: 1000, maxConnectionsPerAddress: 0 };

export interface HttpServerOptions extends HttpContext {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly limits?: Partial<HttpLimits>;
  /** Bits of an IPv6 address that `limits.maxConnectionsPerAddress` counts. Default 64. */
  readonly ipv6Prefix?: number;
  /** What is counted of its connections. Default: nobody reads it. */
  readonly stats?: HttpStats;
  /** Default: plain text. */
  readonly certificate?: LiveCertificate | undefined;
}

/** A server of its own for the routes. */
export interface HttpServer {
  /** `http://HOST:PORT`, or `https://`, with the real port. */
  readonly address: string;
  /** Node's own, with its settings. */
  readonly server: Server;
  /** Accepts nothing more, lets requests in flight finish, for a second at most. Never rejects. */
  close(): Promise<void>;
}

/** Opens it. Fastify is loaded only now. Throws PONGCHECK_LISTEN, and nothing is left open then. */
export async function openHttp(options: HttpServerOptions): Promise<HttpServer> {
  const { host, port, clock, certificate, limits, ipv6Prefix = 64, log = silentLog, stats = new HttpStats() } = options;
  const turns = new Turns();
  const listener = addressOf(host, port, certificate);
  const settings = { ...defaultHttpLimits, ...limits, ipv6Prefix, turns, stats, clock, log, listener };
  // Probes and scrapers find room beside the viewers of the page.
  const maxViewers = Math.min(MAX_VIEWERS, Math.ceil(settings.maxConnections / 2));
  const app = await createApp(options, { atRoot: true, turns, maxViewers });
  const acceptor = new Acceptor(app.server, certificate !== undefined, settings);
  try {
    // One address, as a listener for PINGs: for `localhost` Fastify opens several, and does not wait for all when it closes.
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
    close: async () => {
      const limit = clock.after(CLOSE_LIMIT, () => acceptor.destroy());
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
    bodyLimit: BODY_LIMIT,
    forceCloseConnections: 'idle',
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT,
    requestTimeout: REQUEST_TIMEOUT,
    // What comes on a standing connection while it closes is answered truly, as draining.
    return503OnClosing: false,
    ...transport(certificate),
    frameworkErrors: (error, request, reply) => {
      // Hooks do not see what never became a request of a route.
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
    // Nobody reads a body.
    if (!isRead || headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) {
      reply.header('connection', 'close');
    }
    if (isRead) return;
    return reply.code(405).header('allow', 'GET, HEAD').send({ error: 'only GET and HEAD are answered here' });
  });
  app.setErrorHandler(sendError);
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'there is nothing at this path' }));
  await app.register(httpPlugin(context, routes));
  return app;
}

/** What Fastify is to make of Node's servers. The types of its options tell one from the other, and a server is one as the other. */
function transport(certificate: LiveCertificate | undefined): { http: object } {
  const timeouts = {
    headersTimeout: REQUEST_TIMEOUT,
    requestTimeout: REQUEST_TIMEOUT,
    connectionsCheckingInterval: REQUEST_LOOK,
  };
  if (!certificate) return { http: timeouts };
  const { options, requestsClientCertificates } = certificate;
  const https = { ...timeouts, ...options, requestCert: requestsClientCertificates };
  return { https } as unknown as { http: object };
}

function addressOf(host: string, port: number, certificate: LiveCertificate | undefined): string {
  return `${certificate ? 'https' : 'http'}://${hostAndPort({ kind: 'tcp', host, port })}`;
}
