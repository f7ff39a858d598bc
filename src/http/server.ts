import { lookup } from 'node:dns/promises';
import type { Server } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { hostAndPort } from '../link/address.js';
import { cannotListen } from '../link/listen-failure.js';
import type { LiveCertificate } from '../server/live-certificate.js';
import { type HttpContext, isDraining } from './context.js';
import { errorSender, httpPlugin } from './plugin.js';

/** Silence after which a connection is closed: above the 60 s after which load balancers do it, so that they are first. */
const KEEP_ALIVE_TIMEOUT = 72_000;
/** A load balancer may also open a connection ahead of its first request, and keep it as long. */
const HEADERS_TIMEOUT = KEEP_ALIVE_TIMEOUT + 1000;
/** Node wants it above the time for the headers, which are nearly all of a request without a body. */
const REQUEST_TIMEOUT = HEADERS_TIMEOUT + 2000;
/** For a handshake of TLS. */
const HANDSHAKE_TIMEOUT = 5000;
/** No route takes a body. */
const BODY_LIMIT = 1024;
/** More are closed at accept: probes and scrapers are few, and each connection costs memory. */
export const MAX_HTTP_CONNECTIONS = 1000;
/** How long `close` waits for requests in flight: all are answered within 900 ms. */
const CLOSE_LIMIT = 1000;

export interface HttpServerOptions extends HttpContext {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** Default: plain text. */
  readonly certificate?: LiveCertificate | undefined;
  /** Connections at once. Default 1,000. */
  readonly maxConnections?: number;
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
  const { host, port, clock, certificate } = options;
  const app = await createApp(options);
  // Node's own list has a connection of TLS only once its handshake is done.
  const sockets = new Set<Socket>();
  app.server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  try {
    // One address, as a listener for PINGs: for `localhost` Fastify opens several, and does not wait for all when it closes.
    const { address } = await lookup(host);
    await app.listen({ host: address, port });
  } catch (error) {
    await app.close();
    throw cannotListen(addressOf(host, port, certificate), error as NodeJS.ErrnoException);
  }
  const bound = app.server.address() as AddressInfo;
  return {
    address: addressOf(host, bound.port, certificate),
    server: app.server,
    close: async () => {
      const limit = clock.after(CLOSE_LIMIT, () => {
        for (const socket of sockets) socket.destroy();
      });
      await app.close();
      clock.clear(limit);
    },
  };
}

async function createApp({
  certificate,
  maxConnections = MAX_HTTP_CONNECTIONS,
  ...context
}: HttpServerOptions): Promise<FastifyInstance> {
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
  app.server.maxConnections = maxConnections;
  app.addHook('onSend', async (_request, reply) => {
    if (isDraining(context.health)) reply.header('connection', 'close');
  });
  app.addHook('onRequest', async (request, reply) => {
    if (request.method === 'GET' || request.method === 'HEAD') return;
    // Closed, because there may be a body that nobody reads.
    return reply
      .code(405)
      .headers({ allow: 'GET, HEAD', connection: 'close' })
      .send({ error: 'only GET and HEAD are answered here' });
  });
  app.setErrorHandler(sendError);
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'there is nothing at this path' }));
  await app.register(httpPlugin(context, { atRoot: true }));
  return app;
}

/** What Fastify is to make of Node's servers. The types of its options tell one from the other, and a server is one as the other. */
function transport(certificate: LiveCertificate | undefined): { http: object } {
  const timeouts = { headersTimeout: HEADERS_TIMEOUT, requestTimeout: REQUEST_TIMEOUT };
  if (!certificate) return { http: timeouts };
  const { options, asksClients } = certificate;
  const https = { ...timeouts, ...options, handshakeTimeout: HANDSHAKE_TIMEOUT, requestCert: asksClients };
  return { https } as unknown as { http: object };
}

function addressOf(host: string, port: number, certificate: LiveCertificate | undefined): string {
  return `${certificate ? 'https' : 'http'}://${hostAndPort({ kind: 'tcp', host, port })}`;
}
