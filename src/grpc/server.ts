import { lookup } from 'node:dns/promises';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import type { Server as TlsServer } from 'node:tls';
import type { Clock } from '../common/clock.js';
import type { Log } from '../common/log.js';
import { hostAndPort } from '../net/address.js';
import { addressBucket } from '../net/address-bucket.js';
import { cannotListen } from '../net/listen-error.js';
import type { GrpcSettings } from '../options/settings.js';
import { LiveCertificate } from '../server/certificates/live-certificate.js';
import { PeerLog } from '../server/peer-log.js';
import { acceptQueued } from '../server/sockets/accept-queued.js';
import { afterNextPoll } from '../server/sockets/after-next-poll.js';
import { PerAddress } from '../server/sockets/per-address.js';
import { type InjectingServer, loadGrpcJs } from './grpc-js.js';
import { HealthService, type HealthServiceSettings, type NamedHealth } from './health-service.js';
import type { GrpcStats } from './stats.js';

/** Maximum number of streams per connection. Also bounds the work for the requests in one read. */
const MAX_STREAMS = 100;
/** Maximum size of a request, which contains only a service name. */
const MAX_REQUEST_BYTES = 4096;
/** HTTP/2 PINGs detect connections whose peer has disappeared or does not read. */
const KEEPALIVE_TIME_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;
/** Idle time in milliseconds after which a connection without streams is closed with GOAWAY. */
const MAX_IDLE_MS = 90_000;
/** Maximum memory of one HTTP/2 session in MB, as counted by Node. */
const MAX_SESSION_MB = 1;
/** Minimum number of bytes with which each HTTP/2 connection begins. */
const PREFACE_BYTES = 24;
/** How long `close` waits for clients to close their connections, in milliseconds. */
const CLOSE_TIMEOUT_MS = 1000;
/** Part of `CLOSE_TIMEOUT_MS` during which `close` may accept queued connections. */
const ACCEPT_MS = 100;
const BACKLOG = 1024;

export interface GrpcServerOptions {
  readonly grpc: GrpcSettings;
  readonly settings: HealthServiceSettings;
  readonly health: NamedHealth;
  readonly stats: GrpcStats;
  readonly clock: Clock;
  readonly log: Log;
}

/** A grpc-js server with its own listener, which limits the number of connections. */
export class GrpcServer {
  private readonly listener: NetServer;
  private readonly service: HealthService;
  private readonly sockets = new Set<Socket>();
  private readonly perAddress = new PerAddress();
  private readonly injector: ReturnType<InjectingServer['createConnectionInjector']>;
  private readonly peerLog: PeerLog;
  private grpc: GrpcSettings;
  private settings: HealthServiceSettings;
  private onEmpty: (() => void) | undefined;

  private constructor(
    private readonly options: GrpcServerOptions,
    private readonly server: InjectingServer,
    credentials: object,
    readonly certificate: LiveCertificate | undefined,
    private readonly tls: TlsServer | undefined,
  ) {
    const { grpc, settings, health, stats, clock, log } = options;
    this.grpc = grpc;
    this.settings = settings;
    this.peerLog = new PeerLog(log, clock, addressOf(grpc));
    this.service = new HealthService(health, settings, stats, clock);
    this.service.addTo(server);
    // TLS is handled outside grpc-js, so that the certificate can be replaced when its files change.
    this.injector = server.createConnectionInjector(credentials);
    tls?.on('secureConnection', (socket) => {
      socket.on('error', () => {});
      this.injector.injectConnection(socket);
    });
    this.listener = createServer({ noDelay: true }, (socket) => this.accept(socket));
  }

  /**
   * Loads grpc-js and opens the listener.
   *
   * @throws PongcheckError (rejects) `PONGCHECK_LISTEN` if the listener cannot be opened or grpc-js is not installed;
   * `PONGCHECK_CONFIG` if the TLS files are not usable. No listener is left open.
   */
  static async open(options: GrpcServerOptions): Promise<GrpcServer> {
    const { grpc, settings } = options;
    const { Server, ServerCredentials } = await loadGrpcJs();
    const certificate = grpc.tls && (await LiveCertificate.open(grpc.tls, 'grpc.'));
    const tls = certificate && (await tlsServer(certificate, settings.limits.handshakeTimeout));
    const server = new Server({
      'grpc.enable_channelz': 0,
      'grpc.max_concurrent_streams': MAX_STREAMS,
      'grpc.max_receive_message_length': MAX_REQUEST_BYTES,
      'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
      'grpc.max_connection_idle_ms': MAX_IDLE_MS,
      'grpc-node.max_session_memory': MAX_SESSION_MB,
    });
    const opened = new GrpcServer(options, server, ServerCredentials.createInsecure(), certificate, tls);
    await opened.listen();
    return opened;
  }

  /** HOST:PORT, with the actual port. */
  get address(): string {
    const local = this.listener.address();
    return addressOf({ ...this.options.grpc, ...(typeof local === 'object' && local && { port: local.port }) });
  }

  /** Opens the listener on a single address, because a host name may resolve to several. */
  private async listen(): Promise<void> {
    const { listener } = this;
    const { host, port } = this.grpc;
    try {
      const { address } = await lookup(host);
      await new Promise<void>((resolve, reject) => {
        listener.once('error', reject);
        listener.listen({ host: address, port, backlog: BACKLOG }, resolve);
      });
    } catch (error) {
      throw cannotListen(`grpc ${addressOf(this.grpc)}`, error as NodeJS.ErrnoException);
    }
    listener.removeAllListeners('error');
    listener.on('error', ({ code }: NodeJS.ErrnoException) => {
      this.peerLog.log(`cannot accept a connection (${code})`, {});
    });
  }

  /** Applies other limits and timeouts. */
  reload(grpc: GrpcSettings, settings: HealthServiceSettings): void {
    this.grpc = grpc;
    this.settings = settings;
    this.service.settings = settings;
  }

  /**
   * Answers the waiting calls, ends Watch calls with UNAVAILABLE, and sends GOAWAY. Connections that are still open
   * after 1 s are closed. Never rejects.
   */
  async close(): Promise<void> {
    const { clock } = this.options;
    const acceptUntil = clock.now() + ACCEPT_MS;
    await acceptQueued(this.listener, () => clock.now() >= acceptUntil);
    this.listener.close();
    this.service.close();
    this.injector.destroy();
    const limit = clock.after(CLOSE_TIMEOUT_MS, () => {
      for (const socket of this.sockets) socket.destroy();
    });
    if (this.sockets.size > 0) await new Promise<void>((resolve) => (this.onEmpty = resolve));
    clock.clear(limit);
    this.server.forceShutdown();
  }

  private accept(socket: Socket): void {
    const { stats, clock } = this.options;
    const { maxConnections, maxConnectionsPerAddress } = this.grpc;
    const { ipv6Prefix, handshakeTimeout } = this.settings.limits;
    socket.on('error', () => {});
    const { remoteAddress } = socket;
    // The socket is already closed.
    if (remoteAddress === undefined) return void socket.destroy();
    if (this.sockets.size >= maxConnections) return this.refuse(socket, 'max-connections');
    const bucket = addressBucket(remoteAddress, ipv6Prefix) ?? remoteAddress;
    // Also counted if there is no limit, because a reload may set one.
    if (!this.perAddress.reserve(socket, bucket, maxConnectionsPerAddress || Number.POSITIVE_INFINITY))
      return this.refuse(socket, 'max-connections-per-address');
    this.sockets.add(socket);
    stats.connections++;
    const timer = clock.after(handshakeTimeout, async () => {
      // After an event loop stall, data may have arrived without having been read.
      await afterNextPoll();
      if (socket.bytesRead < PREFACE_BYTES) socket.destroy();
    });
    socket.once('close', () => {
      clock.clear(timer);
      this.sockets.delete(socket);
      stats.connections--;
      if (this.sockets.size === 0) this.onEmpty?.();
    });
    if (this.tls) this.tls.emit('connection', socket);
    else this.injector.injectConnection(socket);
  }

  private refuse(socket: Socket, limit: 'max-connections' | 'max-connections-per-address'): void {
    const { stats } = this.options;
    stats.refused[limit]++;
    const option = limit === 'max-connections' ? 'grpc.maxConnections' : 'grpc.maxConnectionsPerAddress';
    this.peerLog.log(`refused a gRPC connection: ${option} reached`, socket);
    socket.destroy();
  }
}

async function tlsServer(certificate: LiveCertificate, handshakeTimeout: number): Promise<TlsServer> {
  const { createServer: createTlsServer } = await import('node:tls');
  const { options, requestsClientCertificates: requestCert } = certificate;
  const server = createTlsServer({ ...options, ALPNProtocols: ['h2'], requestCert, handshakeTimeout });
  certificate.attach(server);
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return server;
}

/** HOST:PORT, with an IPv6 address in brackets. */
function addressOf({ host, port }: Pick<GrpcSettings, 'host' | 'port'>): string {
  return hostAndPort({ kind: 'tcp', host, port });
}
