import type { EventEmitter } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import type { FastifyPluginAsync } from 'fastify';
import type { Registry as MetricsRegistry } from 'prom-client';
import { type Clock, systemClock } from '../common/clock.js';
import { PongcheckError } from '../common/errors.js';
import { type Log, silentLog } from '../common/log.js';
import { packageVersion } from '../common/version.js';
import { MAX_CONCURRENT_PROBES, ProbeExporter } from '../exporter/exporter.js';
import { History } from '../health/query/history.js';
import { type ChangedChecks, Registry } from '../health/query/registry.js';
import { httpPlugin } from '../http/plugin.js';
import { type HttpServer, openHttp } from '../http/server.js';
import type { Overview } from '../http/status-page/overview.js';
import { LoopWatch } from '../metrics/event-loop.js';
import { HttpStats } from '../metrics/http-stats.js';
import { createMetrics, type Metrics, metricsText } from '../metrics/metrics.js';
import { ownRegistry } from '../metrics/own-registry.js';
import { Reloads } from '../metrics/reloads.js';
import type { DetailMode } from '../net/access.js';
import { formatAddress, parseAddress } from '../net/address.js';
import { Tokens } from '../net/tokens.js';
import { LiveCertificate } from '../server/certificates/live-certificate.js';
import type { ConnectionInfo } from '../server/connection/info.js';
import type { ServerEvents } from '../server/connection/session.js';
import { clampToFdLimit, fdLimit } from '../server/fd-limit.js';
import { Server } from '../server/server.js';
import type { ServerSettings } from '../server/settings.js';
import type { ServiceOptions } from './options.js';
import { changedPaths, readServiceOptions, type ServiceSettings } from './settings.js';
import { logTransitions } from './transition-log.js';

/** How often a drain looks whether everyone has left. */
const DRAIN_LOOK = 50;
/** Any time at all: a timer that keeps the process alive and does nothing. */
const ALIVE = 60_000;

/**
 * Keeps the process alive until the returned function is called. Timers of a `Clock` do not, and a promise that waits
 * for one would be left unsettled where nothing else is open.
 */
function keepProcessAlive(): () => void {
  const timer = setInterval(() => {}, ALIVE);
  return () => clearInterval(timer);
}

/** What a reload did, by names and paths. */
export interface ReloadResult {
  /** Those that are as before are in none of them. */
  readonly checks: ChangedChecks;
  /** Paths of other options that hold from now on, such as `limits.maxWatches`. */
  readonly changed: readonly string[];
  /** Paths of options that say otherwise than what runs, and hold after a restart, such as `listen[0].url`. */
  readonly needsRestart: readonly string[];
}

/** A responder with its checks, as it is embedded in a service or run by the command. */
export class Service {
  readonly health: Registry;
  readonly server: Server;
  /**
   * `/health`, `/livez`, `/readyz`, `/startupz`, `/metrics`, `/connections` and `/status` for a Fastify application that exists:
   * `app.register(service.plugin, { prefix: '/internal' })`.
   */
  readonly plugin: FastifyPluginAsync;
  /** `connect`, `ping` and `close`, with what is known of the connection and the true reason. */
  readonly events: EventEmitter<ServerEvents>;
  /** How reloads went. */
  readonly reloads: Reloads;
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly loop: LoopWatch;
  private readonly httpStats = new HttpStats();
  private settings: ServiceSettings;
  /** As `HttpContext` wants it. */
  private readonly access: { detail: DetailMode; tokens: Tokens | undefined };
  private readonly fleet: ProbeExporter | undefined;
  /** Settles when `start` has opened everything, or will open nothing more. */
  private opening: Promise<void> | undefined;
  private draining: Promise<void> | undefined;
  private stopping: Promise<void> | undefined;
  private reloading: Promise<unknown> = Promise.resolve();
  private readonly reloadListeners = new Set<() => void>();
  private readonly openHttp: (() => Promise<HttpServer>) | undefined;
  private readonly joined: MetricsRegistry | undefined;
  private own: MetricsRegistry | undefined;
  private metrics: Metrics | undefined;
  private http: HttpServer | undefined;
  private bound: string[] = [];

  constructor(options: ServiceOptions) {
    const { clock = systemClock, log = silentLog } = options;
    this.clock = clock;
    this.log = log;
    this.settings = this.clampToFdLimit(readServiceOptions(options));
    const { registry, http, probe } = this.settings;
    this.reloads = new Reloads(clock);
    this.loop = new LoopWatch(clock);
    this.health = new Registry({ ...registry, clock });
    this.server = new Server({ health: this.health, settings: this.settings, clock, log });
    this.events = this.server.events;
    logTransitions(this.health, log);
    this.joined = options.register;
    this.access = accessOf(this.settings);
    this.fleet = probe && new ProbeExporter(probe, clock);
    const context = {
      health: this.health,
      access: this.access,
      connections: (after: number, limit: number) => this.connections(after, limit),
      overview: this.overview(clock.wall()),
      fleet: this.fleet,
      register: () => {
        const { register } = this;
        return { contentType: register.contentType, metrics: () => metricsText(register) };
      },
      clock,
      log: options.log,
    };
    this.plugin = httpPlugin(context);
    if (http) {
      const { host, port, tls, ...limits } = http;
      const { ipv6Prefix } = this.settings.limits;
      this.openHttp = async () => {
        const certificate = tls && (await LiveCertificate.open(tls, 'http'));
        const http = await openHttp({ ...context, host, port, certificate, limits, ipv6Prefix, stats: this.httpStats });
        if (certificate) this.server.watchCertificate(http.address, certificate);
        return http;
      };
    }
  }

  /** Random per process start; in every report. */
  get instance(): string {
    return this.health.instance;
  }

  /** Where PINGs are answered, as `pong://HOST:PORT` with the real port; empty before `start`. */
  get addresses(): readonly string[] {
    return this.bound;
  }

  /** Where HTTP is served, as `http://HOST:PORT`, or `https://`, with the real port; undefined before `start` and with `http: false`. */
  get httpAddress(): string | undefined {
    return this.http?.address;
  }

  /** The registry of the metrics: the one that was given, or one of their own. prom-client is loaded by the first who wants that. */
  get register(): MetricsRegistry {
    if (this.joined) return this.joined;
    if (!this.own) {
      this.own = ownRegistry();
      this.join(this.own);
    }
    return this.own;
  }

  /**
   * Runs the checks for the first time and opens the listeners. Rejects with
   * PONGCHECK_LISTEN, PONGCHECK_ADDRESS, or PONGCHECK_METRICS where `register`
   * has the metrics of another service; nothing is left open then. A service starts once: a second time rejects with
   * PONGCHECK_STARTED, and changes nothing.
   */
  async start(): Promise<void> {
    if (this.opening || this.stopping) {
      throw new PongcheckError('PONGCHECK_STARTED', `the service was ${this.stopping ? 'stopped' : 'started'} already`);
    }
    this.opening = this.open();
    try {
      await this.opening;
    } catch (error) {
      await this.stop();
      throw error;
    }
    await this.stopping;
  }

  /** Opens the listeners one after the other; none once `stop` was called. */
  private async open(): Promise<void> {
    const listeners = this.settings.listen.map(({ url, ...own }) => [parseAddress(url), own] as const);
    if (this.joined) this.metrics = this.join(this.joined);
    this.loop.start();
    this.health.start();
    for (const [address, own] of listeners) {
      if (!this.stopping) this.bound.push(formatAddress(await this.server.listen(address, own)));
    }
    if (!this.stopping) this.http = await this.openHttp?.();
  }

  // -- other options ---------------------------------------------------------

  /**
   * Takes other options while it runs: all of what `createService` takes, not only what is to change, or what gets them.
   * They are validated first and then hold from one moment to the next. Connections stay, and so do the results of
   * checks that are the same: the same object, or made by a factory of this package with equal options. Another check
   * under a known name keeps the state until its first result; a new one counts in groups that exist from its first
   * result on; one that is gone is closed. What cannot change while it runs is named in the result, and stays as it is.
   * One reload begins when the one before has ended.
   *
   * @throws PongcheckError (rejects) as `createService` does, and then nothing is changed;
   *   `PONGCHECK_NOT_RUNNING` before `start`, and from `drain` or `stop` on.
   */
  reload(options: ServiceOptions | (() => ServiceOptions | Promise<ServiceOptions>)): Promise<ReloadResult> {
    const result = this.reloading.then(() => this.reloadNow(options));
    this.reloading = result.catch(() => {});
    return result;
  }

  private async reloadNow(given: Parameters<Service['reload']>[0]): Promise<ReloadResult> {
    await this.opening?.catch(() => {});
    this.mustRun();
    try {
      const options = typeof given === 'function' ? await given() : given;
      const next = this.clampToFdLimit(readServiceOptions(options));
      const server = await this.server.plan(next, next.listen);
      const fleet = next.probe && new ProbeExporter(next.probe, this.clock);
      const needsRestart = [...server.needsRestart, ...this.fixedPaths(options, next)];
      const https = next.http ? next.http.tls : undefined;
      // A restart would refuse what cannot be used.
      if (https && needsRestart.some((path) => ['http', 'http.tls'].includes(path)))
        await LiveCertificate.open(https, 'http');
      this.mustRun();

      const before = this.settings;
      this.settings = { ...next, http: before.http };
      this.server.reload(server);
      Object.assign(this.access, accessOf(next));
      if (fleet) this.fleet?.take(fleet);
      const checks = this.health.reload(next.registry);
      this.reloads.succeeded();
      for (const listener of this.reloadListeners) listener();
      const changed = [...server.changed, ...changedPaths(before, next)].filter((path) => !needsRestart.includes(path));
      return { checks, changed, needsRestart };
    } catch (error) {
      if (!this.isEnding) this.reloads.failed();
      throw error;
    }
  }

  private get isEnding(): boolean {
    return this.draining !== undefined || this.stopping !== undefined;
  }

  private mustRun(): void {
    if (this.opening && !this.isEnding) return;
    const why = this.stopping ? 'is stopped' : this.draining ? 'drains' : 'was not started';
    throw new PongcheckError('PONGCHECK_NOT_RUNNING', `the service ${why}, and takes no other options`);
  }

  /** Paths of options that hold as long as the service runs, and that are others now. */
  private fixedPaths({ register, log, clock }: ServiceOptions, { http, probe }: ServiceSettings): string[] {
    const paths: string[] = [];
    const running = this.settings.http;
    if (!http !== !running) paths.push('http');
    else if (http && running) {
      const keys = Object.keys({ ...http, ...running }) as (keyof typeof http)[];
      paths.push(...keys.filter((key) => !isDeepStrictEqual(http[key], running[key])).map((key) => `http.${key}`));
    }
    if (!probe !== !this.fleet) paths.push('probe');
    if (register !== undefined && register !== this.joined) paths.push('register');
    if (log !== undefined && log !== this.log) paths.push('log');
    if (clock !== undefined && clock !== this.clock) paths.push('clock');
    return paths;
  }

  // -- connections -----------------------------------------------------------

  /** What is known of the open connections, the oldest first: of those with an id above `after`, at most `limit`. */
  connections(after = 0, limit = Number.POSITIVE_INFINITY): ConnectionInfo[] {
    const infos: ConnectionInfo[] = [];
    for (const connection of this.server.connections) {
      if (infos.length >= limit) break;
      if (connection.id > after) infos.push(connection.info());
    }
    return infos;
  }

  /**
   * The connections from which nothing has come for `idle` milliseconds (default: the
   * idle timeout); with `close` those that are not protected are closed for it.
   */
  heartbeat({ idle = this.settings.heartbeat.idleTimeout, close = false } = {}): ConnectionInfo[] {
    return this.server.silent(idle).map((connection) => {
      const info = connection.info();
      if (close && !connection.isProtected) connection.close('idle');
      return info;
    });
  }

  /** Exempts a connection from the idle timeout, or no longer. False: there is none with this id. */
  protect(id: number, isProtected = true): boolean {
    const connection = this.server.find(id);
    if (connection) connection.isProtected = isProtected;
    return connection !== undefined;
  }

  /** Closes a connection, after what waits is answered with what is known. False: there is none with this id. */
  disconnect(id: number): boolean {
    const connection = this.server.find(id);
    connection?.close('closed-by-application');
    return connection !== undefined;
  }

  /**
   * Reads the files of all listeners' certificates anew, as it does by itself every minute. One that cannot be used
   * is logged, and the one before goes on. Never rejects.
   */
  async reloadCertificates(): Promise<void> {
    await this.server.reloadCertificates();
  }

  // -- the end ---------------------------------------------------------------

  /**
   * Takes its leave in stages (SPEC "Draining"): readiness says draining and clients are told to
   * go, everyone is served for `drain.grace`, or until nobody is left once `drain.delay` is over;
   * then `stop`. A service that was not started is stopped at once. Resolves when nothing of it is left. Never rejects.
   */
  drain(): Promise<void> {
    this.draining ??= this.opening ? this.serveUntilDrained() : this.stop();
    return this.draining;
  }

  private async serveUntilDrained(): Promise<void> {
    const { clock } = this;
    const { grace, delay } = this.settings.drain;
    const release = keepProcessAlive();
    const begun = clock.now();
    this.health.drain();
    this.server.goaway(grace);
    const served = () => {
      const lasted = clock.now() - begun;
      return lasted >= grace || (lasted >= delay && this.server.connections.size === 0);
    };
    while (!served() && !this.stopping) await new Promise<void>((resolve) => clock.after(DRAIN_LOOK, resolve));
    await this.stop();
    release();
  }

  /**
   * Answers what has arrived, sends FIN to everyone, lets HTTP requests in flight
   * finish, ends the checks. Resolves when nothing of it is left. Never rejects.
   */
  stop(): Promise<void> {
    this.stopping ??= this.end();
    return this.stopping;
  }

  private async end(): Promise<void> {
    const release = keepProcessAlive();
    this.health.drain();
    // What is just being opened can be closed once it is open.
    await this.opening?.catch(() => {});
    await this.server.close();
    await this.http?.close();
    await this.health.stop();
    release();
    this.loop.stop();
    this.metrics?.close();
    this.http = undefined;
    this.bound = [];
  }

  /** Of the connections that are wanted, as many as this process may have files for. */
  private clampToFdLimit(settings: ServiceSettings): ServiceSettings {
    const { limits, registry, http, probe } = settings;
    const wanted = { connections: limits.maxConnections, http: http ? http.maxConnections : 0 };
    const files = fdLimit();
    const allowed = clampToFdLimit(wanted, files, {
      checks: registry.checks.length,
      probes: probe ? (probe.maxConcurrent ?? MAX_CONCURRENT_PROBES) : 0,
    });
    if (allowed.connections < wanted.connections || allowed.http < wanted.http) {
      this.log.warn(
        { files, maxConnections: allowed.connections, httpMaxConnections: allowed.http },
        `this process may open ${files} files: ${allowed.connections} connections are taken (limits.maxConnections is ${wanted.connections}), and ${allowed.http} of HTTP (${wanted.http} otherwise)`,
      );
    }
    return {
      ...settings,
      limits: { ...limits, maxConnections: allowed.connections },
      http: http && { ...http, maxConnections: allowed.http },
    };
  }

  /** What the status page reads. */
  private overview(startedAt: number): Overview {
    const { health, server, clock } = this;
    const history = new History(health, () => clock.wall());
    return {
      known: (group) => health.known(group),
      groups: () => health.groups(),
      stateOf: (group) => health.stateOf(group),
      transitions: history.transitions,
      connections: () => {
        const modes = { undecided: 0, binary: 0, line: 0 };
        for (const { mode } of server.connections) modes[mode]++;
        const { open, waiting, closed } = server.stats;
        return { open, modes, waiting, closed };
      },
      onTransition: (listener) => {
        const forget = health.onTransition(listener);
        this.reloadListeners.add(listener);
        return () => {
          forget();
          this.reloadListeners.delete(listener);
        };
      },
      version: packageVersion(),
      startedAt: new Date(startedAt),
    };
  }

  private join(register: MetricsRegistry): Metrics {
    const { health, loop, reloads, log, httpStats: http } = this;
    return createMetrics({
      register,
      health,
      log,
      stats: this.server.stats,
      http,
      reloads,
      loop,
      maxConnections: () => this.settings.limits.maxConnections,
      version: packageVersion(),
    });
  }
}

function accessOf({ detail, tokens }: ServerSettings): { detail: DetailMode; tokens: Tokens | undefined } {
  return { detail, tokens: tokens && new Tokens(tokens) };
}

/** Makes a service; it does nothing before `start`. Throws PONGCHECK_CONFIG for an option that is not allowed. */
export function createService(options: ServiceOptions = {}): Service {
  return new Service(options);
}
