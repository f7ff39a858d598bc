import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer as createHttpServer, type Server, STATUS_CODES } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { silentLog } from '../common/log.js';
import { HttpStats } from '../metrics/http-stats.js';
import { hostAndPort } from '../net/address.js';
import { cannotListen } from '../net/listen-error.js';
import type { LiveCertificate } from '../server/certificates/live-certificate.js';
import { acceptQueued } from '../server/sockets/accept-queued.js';
import type { HttpContext } from './context.js';
import { httpHandler } from './handler.js';
import { isRead, Router } from './router.js';
import { Acceptor, type AcceptorLimits, defaultLimits, KEEP_ALIVE_TIMEOUT_MS } from './sockets/acceptor.js';
import { MAX_VIEWERS } from './status-page/live.js';
import { Turns } from './turns.js';

/**
 * Maximum time from the first byte of a request to its end, in milliseconds. Connections that have sent nothing have a
 * separate limit.
 */
const REQUEST_TIMEOUT_MS = 5000;
/** Interval at which Node checks for incomplete requests, in milliseconds. */
const REQUEST_CHECK_INTERVAL_MS = 1000;
/** How long `close` waits for requests in flight, in milliseconds. All of them are answered within 900 ms. */
const CLOSE_TIMEOUT_MS = 1000;
/** Part of `CLOSE_TIMEOUT_MS` during which `close` may accept queued connections. The rest is for their responses. */
const ACCEPT_MS = 100;

export interface HttpServerOptions extends HttpContext {
  readonly host: string;
  /** 0 selects any free port. */
  readonly port: number;
  readonly limits?: Partial<AcceptorLimits>;
  /** Counters for the metrics of its connections. */
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
  /** Applies these limits to new connections. Open connections are closed only when a new one needs their slot. */
  setLimits(limits: AcceptorLimits): void;
  /** Stops accepting connections, and waits up to 1 s for requests in flight. Never rejects. */
  close(): Promise<void>;
}

/**
 * Opens the server.
 *
 * @throws PongcheckError (rejects) `PONGCHECK_LISTEN`. No listener is left open.
 */
export async function openHttp(options: HttpServerOptions): Promise<HttpServer> {
  const { host, port, clock, certificate, log = silentLog, stats = new HttpStats() } = options;
  const turns = new Turns();
  const listener = addressOf(host, port, certificate);
  const limits = { ...defaultLimits, ...options.limits };
  // Page viewers must not use up the connections that probes and scrapers need.
  const maxViewers = () => Math.min(MAX_VIEWERS, Math.ceil(acceptor.limits.maxConnections / 2));
  const router = new Router(options, { turns, maxViewers });
  const server = createServer(router, certificate);
  const isTls = certificate !== undefined;
  const acceptor = new Acceptor(server, { isTls, limits, turns, stats, clock, log, listener });
  try {
    // Binds a single address, as a PING listener does.
    const { address } = await lookup(host);
    await once(server.listen({ host: address, port }), 'listening');
  } catch (error) {
    router.close();
    throw cannotListen(listener, error as NodeJS.ErrnoException);
  }
  const close = async () => {
    const limit = clock.after(CLOSE_TIMEOUT_MS, () => acceptor.destroy());
    const acceptUntil = clock.now() + ACCEPT_MS;
    await acceptQueued(server, () => clock.now() >= acceptUntil);
    router.close();
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeIdleConnections();
    await closed;
    clock.clear(limit);
  };
  let closing: Promise<void> | undefined;
  const bound = server.address() as AddressInfo;
  return {
    address: addressOf(host, bound.port, certificate),
    server,
    setLimits: (limits) => acceptor.setLimits(limits),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

function createServer(router: Router, certificate: LiveCertificate | undefined): Server {
  const options = {
    headersTimeout: REQUEST_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: REQUEST_CHECK_INTERVAL_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
  };
  const server = certificate
    ? createHttpsServer({
        ...options,
        ...certificate.options,
        requestCert: certificate.requestsClientCertificates,
      })
    : createHttpServer(options);
  certificate?.attach(server as HttpsServer);
  const handle = httpHandler(router);
  server.on('request', (request, response) => {
    const { headers } = request;
    const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
    // No route reads a body, so the connection cannot be reused.
    if (!isRead(request) || hasBody || !server.listening) response.setHeader('connection', 'close');
    handle(request, response);
  });
  server.on('clientError', refuse);
  return server;
}

/** Responds to data that is not a request, and to requests that are too large or not complete in time. */
function refuse({ code }: NodeJS.ErrnoException, connection: Duplex): void {
  if (code === 'ECONNRESET' || connection.destroyed) return;
  const status = code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : code === 'HPE_HEADER_OVERFLOW' ? 431 : 400;
  const body = JSON.stringify({ error: STATUS_CODES[status]?.toLowerCase() });
  const headers = `content-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close`;
  if (connection.writable) connection.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers}\r\n\r\n${body}`);
  connection.destroy();
}

function addressOf(host: string, port: number, certificate: LiveCertificate | undefined): string {
  return `${certificate ? 'https' : 'http'}://${hostAndPort({ kind: 'tcp', host, port })}`;
}
