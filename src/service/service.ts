import { randomBytes } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import type { Registry as MetricsRegistry } from 'prom-client';
import { type Clock, systemClock } from '../common/clock.js';
import { PongcheckError } from '../common/errors.js';
import { type Log, silentLog } from '../common/log.js';
import { packageVersion } from '../common/version.js';
import { Fleet } from '../fleet/fleet.js';
import type { GrpcJsServer } from '../grpc/grpc-js.js';
import { HealthHistory } from '../health/history/health-history.js';
import { RecentTransitions } from '../health/query/recent-transitions.js';
import { Registry } from '../health/query/registry.js';
import type { HttpHandler } from '../http/handler.js';
import type { FastifyPlugin } from '../http/plugin.js';
import { LoopWatch } from '../metrics/event-loop.js';
import { createMetrics, type Metrics } from '../metrics/metrics.js';
import { ownRegistry } from '../metrics/own-registry.js';
import { PeerStats } from '../metrics/peer-stats.js';
import { Reloads } from '../metrics/reloads.js';
import { formatAddress, parseAddress } from '../net/address.js';
import { type PeersOptions, ServicePeers } from '../peers/peers.js';
import type { ConnectionInfo } from '../server/connection/info.js';
import type { ServerEvents } from '../server/connection/session.js';
import type { PingServer } from '../server/ping-server.js';
import { Server } from '../server/server.js';
import type { Stall } from '../threads/loop-monitor.js';
import { ThreadedServer } from '../threads/threaded-server.js';
import { fitOpenFilesLimit } from './connection-limits.js';
import { drainConnections, keepProcessAlive } from './drain.js';
import { ServiceGrpc } from './grpc.js';
import { HistoryFile } from './history-file/history-file.js';
import { ServiceHttp } from './http.js';
import type { ServiceOptions } from './options.js';
import { planReload, type ReloadResult } from './reload-plan.js';
import { readHeartbeatOptions, readServiceOptions, type ServiceSettings, withIdentity } from './settings.js';
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
  /** History of the last 24 hours by minute, for each check and group. */
  readonly history: HealthHistory;
  /** @internal Counts of successful and failed reloads. */
  readonly reloads: Reloads;
  /** The same object as `server` if PINGs are answered on other threads, otherwise undefined. */
  private readonly threads: ThreadedServer | undefined;
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly loop: LoopWatch;
  private readonly historyFile: HistoryFile | undefined;
  private settings: ServiceSettings;
  private readonly peerStats = new PeerStats();
  private peers: ServicePeers | undefined;
  private readonly fleet: Fleet | undefined;
  /** Settles when `start` has opened all listeners or has failed. */
  private opening: Promise<void> | undefined;
  private draining: Promise<void> | undefined;
  private stopping: Promise<void> | undefined;
  private reloading: Promise<unknown> = Promise.resolve();
  private readonly joined: MetricsRegistry | undefined;
  private own: MetricsRegistry | undefined;
  private metrics: Metrics | undefined;
  private readonly http: ServiceHttp;
  private readonly grpc: ServiceGrpc;
  private bound: string[] = [];

  constructor(options: ServiceOptions) {
    // Called first, because it rejects options that are not an object.
    const requested = readServiceOptions(options);
    const { clock = systemClock, log = silentLog } = options;
    const settings = fitOpenFilesLimit(requested, log);
    const { registry, threads, loop } = settings;
    this.clock = clock;
    this.log = log;
    this.settings = settings;
    this.joined = options.register;
    this.reloads = new Reloads(clock);
    this.loop = new LoopWatch(clock);
    const instance = randomBytes(8).toString('hex');
    this.peers = this.createPeers(instance);
    const health = new Registry({ ...registry, instance, clock, peers: this.peers });
    this.health = health;
    const history = new HealthHistory(health, clock);
    this.history = history;
    const file = settings.history?.file;
    this.historyFile = file === undefined ? undefined : new HistoryFile(file, history, clock, log);
    const transitions = new RecentTransitions(health, () => clock.wall());
    logTransitions(health, log);
    const onStall = (stall: Stall) => {
      logStall(stall, log);
      if (stall.scopes.includes('readiness')) history.readinessFailed(stall.failedAt, stall.endedAt);
      for (const transition of transitionsOf(stall)) transitions.insert(transition);
    };
    const parts = { health, settings, clock, log };
    this.threads = threads > 0 ? new ThreadedServer({ ...parts, threads, loop, onStall }) : undefined;
    this.server = this.threads ?? new Server(parts);
    this.events = this.server.events;
    this.fleet = settings.fleet && new Fleet({ ...withIdentity('fleet', settings.fleet), clock });
    const { server, fleet } = this;
    this.grpc = new ServiceGrpc({ health, server, threads: this.threads, clock, log });
    const register = () => this.register;
    const httpParts = { health, server, transitions, history, fleet, register, clock, log: options.log };
    this.http = new ServiceHttp(httpParts, settings);
    this.plugin = this.http.plugin;
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
    return this.http.address;
  }

  /** The gRPC address as HOST:PORT, with the actual port; undefined before `start` and with `grpc: false`. */
  get grpcAddress(): string | undefined {
    return this.grpc.address;
  }

  /**
   * Adds the gRPC health service (grpc.health.v1) to an `@grpc/grpc-js` server of the application. The service runs on
   * that server's event loop, and does not respond while this event loop is blocked.
   *
   * @throws Error if the server already has a health service.
   */
  addGrpcHealth(server: GrpcJsServer): void {
    this.grpc.addTo(server, this.settings);
  }

  /**
   * The metrics registry: the option `register`, or a separate registry. The first access to a separate registry loads
   * prom-client.
   */
  get register(): MetricsRegistry {
    if (this.joined) return this.joined;
    if (!this.own) {
      this.own = ownRegistry();
      this.join(this.own);
    }
    return this.own;
  }

  /**
   * The routes of `plugin` for `node:http`, Express, Koa, Nest and others: `app.use('/internal', service.handler)`.
   * Answers 405 for methods other than GET and HEAD. Requests for other paths are passed to `next` if it is given, or
   * answered with 404. The status page is at `/`, or at the prefix; with `next`, `/` without a prefix is left to the
   * application.
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
    return this.http.handlerAt(prefix);
  }

  /**
   * Starts the checks and opens the listeners. A service can be started once.
   *
   * @throws PongcheckError (rejects) `PONGCHECK_LISTEN`, `PONGCHECK_ADDRESS`, or `PONGCHECK_METRICS` if `register` has the
   *   metrics of another service. In these cases, nothing is left open. `PONGCHECK_STARTED` on a second call, which
   *   changes nothing.
   */
  async start(): Promise<void> {
    if (this.opening || this.stopping) {
      throw new PongcheckError('PONGCHECK_STARTED', `the service was ${this.stopping ? 'stopped' : 'started'} already`);
    }
    this.opening = this.open();
    // Opening the HTTP server loads modules, which would block the event loop during the first runs.
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
    if (!this.stopping) await this.http.open(this.settings);
  }

  // -- reload ----------------------------------------------------------------

  /**
   * Applies new options to the running service. They are validated first, and then applied together. Connections stay
   * open, except those of clients that are no longer authorized. A check keeps its results if it is the same object, or was made by a factory of this package with equal options.
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

      const { settings, changed, needsRestart } = plan;
      this.settings = settings;
      const applied = this.threads
        ? this.threads.reload(plan.server, settings.loop, settings.grpc)
        : server.reload(plan.server);
      this.grpc.reload(settings);
      this.http.reload(plan);
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
   * @returns (resolves) information about these connections, collected before they are closed.
   * @throws PongcheckError (rejects) `PONGCHECK_CONFIG` if an option is invalid.
   */
  async heartbeat(options: { idle?: number; close?: boolean } = {}): Promise<ConnectionInfo[]> {
    const { idle = this.settings.heartbeat.idleTimeout, close = false } = readHeartbeatOptions(options);
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
    this.health.drain();
    await drainConnections(this.server, this.settings.drain, this.clock, () => this.stopping !== undefined);
    await this.stop();
  }

  /**
   * Answers the PINGs that have arrived, closes all connections, waits up to 1 s for HTTP requests in flight, and stops
   * the checks. Resolves when everything is closed. Never rejects.
   */
  stop(): Promise<void> {
    this.stopping ??= this.end();
    return this.stopping;
  }

  private async end(): Promise<void> {
    const release = keepProcessAlive();
    this.health.drain();
    // A listener can be closed only after it has been opened.
    await this.opening?.catch(() => {});
    await Promise.all([this.server.close(), this.grpc.close()]);
    await this.http.close();
    await this.health.stop();
    this.peers?.close();
    await this.fleet?.close();
    await this.historyFile?.close();
    this.history.close();
    release();
    this.loop.stop();
    this.metrics?.close();
    this.bound = [];
  }

  private createPeers(instance: string): ServicePeers | undefined {
    const { clock, peerStats, settings } = this;
    if (!settings.peers) return undefined;
    const asked: PeersOptions['asked'] = (...round) => peerStats.record(...round);
    return new ServicePeers({ ...withIdentity('peers', settings.peers), instance, clock, asked });
  }

  private join(register: MetricsRegistry): Metrics {
    const service = this;
    const { health, loop, threads, reloads, log, server } = this;
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
      http: this.http.stats,
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

/**
 * Creates a service, which does nothing until `start`.
 *
 * @throws PongcheckError `PONGCHECK_CONFIG` for invalid options, one line for each.
 */
export function createService(options: ServiceOptions = {}): Service {
  return new Service(options);
}
