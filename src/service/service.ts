import { randomBytes } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import type { Registry as MetricsRegistry } from 'prom-client';
import { type Clock, systemClock } from '../common/clock.js';
import { PongcheckError } from '../common/errors.js';
import { type Log, silentLog } from '../common/log.js';
import { packageVersion } from '../common/version.js';
import { ProbeExporter } from '../exporter/exporter.js';
import { Fleet } from '../fleet/fleet.js';
import type { GrpcJsServer } from '../grpc/grpc-js.js';
import { HealthHistory } from '../health/history/health-history.js';
import { RecentTransitions } from '../health/query/recent-transitions.js';
import { Registry } from '../health/query/registry.js';
import { type HttpHandler, httpHandler } from '../http/handler.js';
import { type FastifyPlugin, httpPlugin } from '../http/plugin.js';
import { Router } from '../http/router.js';
import { type HttpServer, openHttp } from '../http/server.js';
import { type AcceptorLimits, defaultLimits } from '../http/sockets/acceptor.js';
import type { Overview } from '../http/status-page/overview.js';
import { LoopWatch } from '../metrics/event-loop.js';
import { HttpStats } from '../metrics/http-stats.js';
import { createMetrics, type Metrics, metricsText } from '../metrics/metrics.js';
import { ownRegistry } from '../metrics/own-registry.js';
import { PeerStats } from '../metrics/peer-stats.js';
import { Reloads } from '../metrics/reloads.js';
import type { DetailMode } from '../net/access.js';
import { formatAddress, parseAddress } from '../net/address.js';
import { Tokens } from '../net/tokens.js';
import { formatValue } from '../options/format-value.js';
import { configError } from '../options/issue.js';
import type { RoundOutcomes } from '../peers/failure.js';
import { ServicePeers } from '../peers/peers.js';
import { LiveCertificate } from '../server/certificates/live-certificate.js';
import type { ConnectionInfo } from '../server/connection/info.js';
import type { ServerEvents } from '../server/connection/session.js';
import type { PingServer } from '../server/ping-server.js';
import { Server } from '../server/server.js';
import type { ServerSettings } from '../server/settings.js';
import type { Stall } from '../threads/loop-monitor.js';
import { ThreadedServer } from '../threads/threaded-server.js';
import { fitOpenFilesLimit } from './connection-limits.js';
import { withIdentity } from './credentials.js';
import { drainConnections, keepProcessAlive } from './drain.js';
import { ServiceGrpc } from './grpc.js';
import { HistoryFile } from './history-file/history-file.js';
import type { ServiceOptions } from './options.js';
import { planReload, type ReloadResult } from './reload-plan.js';
import { readServiceOptions, type ServiceSettings } from './settings.js';
import { logStall, transitionsOf } from './stalls.js';
import { loadTracer } from './tracing.js';
import { logTransitions } from './transition-log.js';

/** A responder with its checks, embedded in an application or run by `pongcheck serve`. */
export class Service {
  /** @internal */
  readonly health: Registry;
  /** @internal */
  readonly server: PingServer;
  /**
   * `/health`, `/livez`, `/readyz`, `/startupz`, `/metrics`, `/connections`, `/badge.svg` and `/status` for an existing Fastify application:
   * `app.register(service.plugin, { prefix: '/internal' })`. With a prefix, the status page is also at the prefix itself.
   */
  readonly plugin: FastifyPlugin;
  /** `connect`, `ping` and `close` events, with information about the connection and, for `close`, the reason. */
  readonly events: EventEmitter<ServerEvents>;
  /** What each minute of the last 24 hours was like, for each check and group. */
  readonly history: HealthHistory;
  /** @internal Counts of successful and failed reloads. */
  readonly reloads: Reloads;
  /** `server`, if PINGs are answered on other threads. */
  private readonly threads: ThreadedServer | undefined;
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly loop: LoopWatch;
  private readonly historyFile: HistoryFile | undefined;
  private readonly transitions: RecentTransitions;
  private readonly httpStats = new HttpStats();
  private settings: ServiceSettings;
  private readonly peerStats = new PeerStats();
  private peers: ServicePeers | undefined;
  private readonly fleet: Fleet | undefined;
  /** Shared with the HTTP routes; a reload changes it in place. */
  private readonly access: { detail: DetailMode; tokens: Tokens | undefined };
  private readonly exporter: ProbeExporter | undefined;
  /** Settles when `start` has opened all listeners, or has failed. */
  private opening: Promise<void> | undefined;
  private draining: Promise<void> | undefined;
  private stopping: Promise<void> | undefined;
  private reloading: Promise<unknown> = Promise.resolve();
  private readonly reloadListeners = new Set<() => void>();
  /** The routes of `handler`, created when it is first used. */
  private readonly router: () => Router;
  private ownRouter: Router | undefined;
  private readonly openHttp: (() => Promise<HttpServer>) | undefined;
  private readonly joined: MetricsRegistry | undefined;
  private own: MetricsRegistry | undefined;
  private metrics: Metrics | undefined;
  private http: HttpServer | undefined;
  private readonly grpc: ServiceGrpc;
  private bound: string[] = [];

  constructor(options: ServiceOptions) {
    // First, because it refuses values other than objects.
    const settings = readServiceOptions(options);
    const { clock = systemClock, log = silentLog } = options;
    this.clock = clock;
    this.log = log;
    this.settings = fitOpenFilesLimit(settings, log);
    const { registry, http, probe } = this.settings;
    this.reloads = new Reloads(clock);
    this.loop = new LoopWatch(clock);
    const instance = randomBytes(8).toString('hex');
    this.peers = this.createPeers(instance);
    this.health = new Registry({ ...registry, instance, clock, peers: this.peers });
    const parts = { health: this.health, settings: this.settings, clock, log };
    const { threads, loop } = settings;
    this.history = new HealthHistory(this.health, clock);
    const file = settings.history?.file;
    this.historyFile = file === undefined ? undefined : new HistoryFile(file, this.history, clock, log);
    this.transitions = new RecentTransitions(this.health, () => clock.wall());
    const onStall = (stall: Stall) => {
      logStall(stall, log);
      if (stall.scopes.includes('readiness')) this.history.readinessFailed(stall.failedAt, stall.endedAt);
      for (const transition of transitionsOf(stall)) this.transitions.insert(transition);
    };
    this.threads = threads > 0 ? new ThreadedServer({ ...parts, threads, loop, onStall }) : undefined;
    this.server = this.threads ?? new Server(parts);
    this.events = this.server.events;
    this.grpc = new ServiceGrpc({ health: this.health, server: this.server, threads: this.threads, clock, log });
    logTransitions(this.health, log);
    this.joined = options.register;
    this.access = accessOf(this.settings);
    this.exporter = probe && new ProbeExporter(probe, clock);
    this.fleet = settings.fleet && new Fleet({ ...withIdentity('fleet', settings.fleet), clock });
    const context = {
      health: this.health,
      access: this.access,
      connections: (after: number, limit: number) => this.connections(after, limit),
      overview: this.overview(clock.wall()),
      exporter: this.exporter,
      fleet: this.fleet,
      register: () => {
        const { register } = this;
        return { contentType: register.contentType, metrics: () => metricsText(register) };
      },
      clock,
      log: options.log,
    };
    this.plugin = httpPlugin(context);
    this.router = () => {
      this.ownRouter ??= new Router(context);
      return this.ownRouter;
    };
    if (http) {
      const { host, port, tls } = http;
      this.openHttp = async () => {
        const certificate = tls && (await LiveCertificate.open(tls, 'http'));
        const limits = httpLimits(this.settings);
        const http = await openHttp({ ...context, host, port, certificate, limits, stats: this.httpStats });
        if (certificate) this.server.watchCertificate(http.address, certificate);
        return http;
      };
    }
  }

  /** Random id of this process; part of every report. */
  get instance(): string {
    return this.health.instance;
  }

  /** Listener addresses as `pong://HOST:PORT` with the actual port; empty before `start`. */
  get addresses(): readonly string[] {
    return this.bound;
  }

  /** The HTTP address as `http://HOST:PORT`, or `https://`, with the actual port; undefined before `start` and with `http: false`. */
  get httpAddress(): string | undefined {
    return this.http?.address;
  }

  /** The address of the option `grpc` as HOST:PORT, with the actual port; undefined before `start` and with `grpc: false`. */
  get grpcAddress(): string | undefined {
    return this.grpc.address;
  }

  /**
   * Adds the gRPC health service (grpc.health.v1) to a server of `@grpc/grpc-js` of the application. It runs on the event
   * loop of that server: while that is blocked, it gives no answer.
   *
   * @throws Error if the server has a health service already.
   */
  addGrpcHealth(server: GrpcJsServer): void {
    this.grpc.addTo(server, this.settings);
  }

  /** The registry of the metrics: the option `register`, or a separate one. The first access to a separate one loads prom-client. */
  get register(): MetricsRegistry {
    if (this.joined) return this.joined;
    if (!this.own) {
      this.own = ownRegistry();
      this.join(this.own);
    }
    return this.own;
  }

  /**
   * The routes of `plugin` for `node:http`, Express, Koa, Nest and others: `app.use('/internal', service.handler)`. Answers
   * 405 for methods other than GET and HEAD. Any other path is passed to `next`, if it is given, and otherwise answered
   * with 404. The status page is at `/`, or at the prefix; with `next`, `/` without a prefix is left to the application.
   */
  get handler(): HttpHandler {
    return this.handlerAt('');
  }

  /**
   * `handler` for applications that do not remove a prefix from `request.url` themselves.
   *
   * @param prefix a path such as `/internal`.
   * @throws PongcheckError `PONGCHECK_CONFIG` for a prefix that does not begin with a slash.
   */
  handlerAt(prefix: string): HttpHandler {
    const path = prefix.replace(/\/+$/, '');
    if (path !== '' && !path.startsWith('/')) {
      throw configError([`the prefix is ${formatValue(prefix)}; allowed: a path that begins with /`]);
    }
    return httpHandler(this.router(), path);
  }

  /**
   * Starts the checks and opens the listeners. A service can be started once.
   *
   * @throws PongcheckError (rejects) `PONGCHECK_LISTEN`, `PONGCHECK_ADDRESS`, or `PONGCHECK_METRICS` if `register` has the
   *   metrics of another service; nothing is left open then. `PONGCHECK_STARTED` on a second call, which changes nothing.
   */
  async start(): Promise<void> {
    if (this.opening || this.stopping) {
      throw new PongcheckError('PONGCHECK_STARTED', `the service was ${this.stopping ? 'stopped' : 'started'} already`);
    }
    this.opening = this.open();
    // Opening HTTP loads modules, which would block the event loop during the first runs.
    this.health.start(this.opening);
    try {
      await this.opening;
    } catch (error) {
      await this.stop();
      throw error;
    }
    await this.stopping;
  }

  /** Opens the listeners one after the other, until `stop` is called. */
  private async open(): Promise<void> {
    const listeners = this.settings.listen.map(({ url, ...own }) => [parseAddress(url), own] as const);
    if (this.joined) this.metrics = this.join(this.joined);
    this.loop.start();
    this.historyFile?.start();
    this.peers?.start();
    this.fleet?.start();
    const tracer = loadTracer();
    for (const [address, own] of listeners) {
      if (!this.stopping) this.bound.push(formatAddress(await this.server.listen(address, own)));
    }
    if (!this.stopping) await this.grpc.open(this.settings);
    this.health.trace(await tracer);
    if (!this.stopping) this.http = await this.openHttp?.();
  }

  // -- reload ----------------------------------------------------------------

  /**
   * Applies new options to the running service. They are validated first, and then applied together. Connections stay
   * open. A check keeps its results if it is the same object, or was made by a factory of this package with equal options.
   * A replaced check keeps its state until its first result. A new check counts in existing groups from its first result.
   * A removed check is closed. Options that cannot change at run time keep their values and are listed in the result.
   * Reloads run one after the other.
   *
   * @param options all options, as for `createService`, or a function that returns them.
   * @returns what changed, and what needs a restart.
   * @throws PongcheckError (rejects) as `createService` does, and then nothing is changed; `PONGCHECK_NOT_RUNNING` before
   *   `start` and after a call of `drain` or `stop`.
   */
  reload(options: ServiceOptions | (() => ServiceOptions | Promise<ServiceOptions>)): Promise<ReloadResult> {
    const result = this.reloading.then(() => this.reloadNow(options));
    this.reloading = result.catch(() => {});
    return result;
  }

  private async reloadNow(source: Parameters<Service['reload']>[0]): Promise<ReloadResult> {
    await this.opening?.catch(() => {});
    this.assertRunning();
    try {
      const options = typeof source === 'function' ? await source() : source;
      const { settings: before, server, joined: register, log, clock } = this;
      const plan = await planReload(options, { settings: before, server, register, log, clock });
      this.assertRunning();

      const { settings, exporter, changed, needsRestart } = plan;
      this.settings = settings;
      const applied = this.threads
        ? this.threads.reload(plan.server, settings.loop, settings.grpc)
        : server.reload(plan.server);
      this.grpc.reload(settings);
      Object.assign(this.access, accessOf(settings));
      if (exporter) this.exporter?.replaceWith(exporter);
      this.http?.setLimits(httpLimits(settings));
      const { fleet } = settings;
      if (fleet && !isDeepStrictEqual(before.fleet, fleet)) this.fleet?.reload(withIdentity('fleet', fleet));
      const peersBefore = this.peers;
      if (!isDeepStrictEqual(before.peers, settings.peers)) {
        this.peers = this.createPeers(this.instance);
        this.peers?.start();
      }
      const checks = this.health.reload({ ...settings.registry, peers: this.peers });
      if (peersBefore !== this.peers) peersBefore?.retire();
      await applied;
      this.reloads.succeeded();
      for (const listener of this.reloadListeners) listener();
      return { checks, changed, needsRestart };
    } catch (error) {
      if (!this.isEnding) this.reloads.failed();
      throw error;
    }
  }

  private get isEnding(): boolean {
    return this.draining !== undefined || this.stopping !== undefined;
  }

  private assertRunning(): void {
    if (this.opening && !this.isEnding) return;
    const why = this.stopping ? 'is stopped' : this.draining ? 'is draining' : 'was not started';
    throw new PongcheckError('PONGCHECK_NOT_RUNNING', `cannot reload: the service ${why}`);
  }

  // -- connections -----------------------------------------------------------

  /**
   * Resolves with information about the open connections, in order of id: oldest first.
   *
   * @param after only connections with a larger id. Default 0.
   * @param limit maximum number of connections. Default: no limit.
   */
  async connections(after = 0, limit = Number.POSITIVE_INFINITY): Promise<ConnectionInfo[]> {
    return this.server.infos(after, limit);
  }

  /**
   * Finds the connections that have received nothing for `idle` milliseconds.
   *
   * @param options `idle`: milliseconds, default `heartbeat.idleTimeout`; `close`: also closes the unprotected ones, default
   *   false.
   * @returns (resolves) information about these connections, from before they are closed.
   */
  async heartbeat({ idle = this.settings.heartbeat.idleTimeout, close = false } = {}): Promise<ConnectionInfo[]> {
    return this.server.heartbeat(idle, close);
  }

  /** Exempts a connection from the idle timeout, or ends the exemption. Resolves with false if there is no connection with this id. */
  async protect(id: number, isProtected = true): Promise<boolean> {
    return this.server.protect(id, isProtected);
  }

  /**
   * Answers the pending PINGs with the latest known status and closes the connection. Resolves with false if there is no
   * connection with this id.
   */
  async disconnect(id: number): Promise<boolean> {
    return this.server.disconnect(id);
  }

  /**
   * Re-reads the certificate files of all listeners, which also happens every minute. If a certificate is invalid, an
   * error is logged and the previous one stays in use. Never rejects.
   */
  async reloadCertificates(): Promise<void> {
    await this.server.reloadCertificates();
  }

  // -- drain and stop --------------------------------------------------------

  /**
   * Shuts down gracefully (SPEC "Draining"). Readiness becomes draining, and clients get a GOAWAY. PINGs are answered for
   * `drain.grace`, or until no connection is left after `drain.delay`. Then `stop` is called. A service that was not
   * started is stopped immediately. Resolves when everything is closed. Never rejects.
   */
  drain(): Promise<void> {
    this.draining ??= this.opening ? this.serveUntilDrained() : this.stop();
    return this.draining;
  }

  private async serveUntilDrained(): Promise<void> {
    const release = keepProcessAlive();
    this.health.drain();
    await drainConnections(this.server, this.settings.drain, this.clock, () => this.stopping !== undefined);
    await this.stop();
    release();
  }

  /**
   * Answers the PINGs that have arrived, closes all connections, waits up to 1 s for HTTP requests in flight, and ends the
   * checks. Resolves when everything is closed. Never rejects.
   */
  stop(): Promise<void> {
    this.stopping ??= this.end();
    return this.stopping;
  }

  private async end(): Promise<void> {
    const release = keepProcessAlive();
    this.health.drain();
    // A listener can be closed only once it is open.
    await this.opening?.catch(() => {});
    await Promise.all([this.server.close(), this.grpc.close()]);
    this.ownRouter?.close();
    await this.http?.close();
    await this.health.stop();
    this.peers?.close();
    await this.fleet?.close();
    await this.historyFile?.close();
    this.history.close();
    release();
    this.loop.stop();
    this.metrics?.close();
    this.http = undefined;
    this.bound = [];
  }

  private createPeers(instance: string): ServicePeers | undefined {
    const { clock, peerStats } = this;
    const { peers } = this.settings;
    const asked = (outcomes: RoundOutcomes, ms: number) => peerStats.record(outcomes, ms);
    return peers && new ServicePeers({ ...withIdentity('peers', peers), instance, clock, asked });
  }

  /** The data of the status page. */
  private overview(startedAt: number): Overview {
    const { health, server, transitions, history } = this;
    return {
      known: (group) => health.known(group),
      groups: () => health.groups(),
      stateOf: (group) => health.stateOf(group),
      checks: () => health.checks,
      transitions: transitions.all,
      history,
      connections: () => {
        const { open, modes, waiting, closed } = server.stats;
        return { open, modes, waiting, closed };
      },
      onTransition: (listener) => {
        const unsubscribe = health.onTransition(listener);
        this.reloadListeners.add(listener);
        return () => {
          unsubscribe();
          this.reloadListeners.delete(listener);
        };
      },
      version: packageVersion(),
      startedAt: new Date(startedAt),
    };
  }

  private join(register: MetricsRegistry): Metrics {
    const service = this;
    const { health, loop, threads, reloads, log, httpStats: http, server } = this;
    return createMetrics({
      register,
      health,
      log,
      get stats() {
        return server.stats;
      },
      threads,
      get peers() {
        return service.settings.peers && service.peerStats;
      },
      http,
      fleet: this.fleet,
      get grpc() {
        return service.grpc.stats;
      },
      reloads,
      loop,
      maxConnections: () => this.settings.limits.maxConnections,
      version: packageVersion(),
    });
  }
}

/** The options of the HTTP server that a reload changes. */
function httpLimits({ http, limits: { ipv6Prefix } }: ServiceSettings): AcceptorLimits {
  const { maxConnections, maxConnectionsPerAddress } = http || defaultLimits;
  return { maxConnections, maxConnectionsPerAddress, ipv6Prefix };
}

function accessOf({ detail, tokens }: ServerSettings): { detail: DetailMode; tokens: Tokens | undefined } {
  return { detail, tokens: tokens && new Tokens(tokens) };
}

/**
 * Creates a service, which does nothing until `start`.
 *
 * @throws PongcheckError `PONGCHECK_CONFIG` for invalid options, one line for each.
 */
export function createService(options: ServiceOptions = {}): Service {
  return new Service(options);
}
