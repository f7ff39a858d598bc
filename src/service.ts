import type { EventEmitter } from 'node:events';
import type { FastifyPluginAsync } from 'fastify';
import type { Registry as MetricsRegistry } from 'prom-client';
import { type Clock, systemClock } from './clock.js';
import { PongcheckError } from './errors.js';
import type { CheckDefinition, CheckFunction } from './health/check.js';
import { History } from './health/history.js';
import { Registry } from './health/registry.js';
import type { Overview } from './http/board.js';
import type { MetricsText } from './http/context.js';
import { httpPlugin } from './http/plugin.js';
import { type HttpLimits, type HttpServer, openHttp } from './http/server.js';
import { formatAddress, parseAddress } from './link/address.js';
import { MAX_TOKENS, TOKEN_FORMS, Tokens, tokenPattern } from './link/tokens.js';
import { type Log, silentLog } from './log.js';
import { LoopWatch } from './metrics/event-loop.js';
import { HttpStats } from './metrics/http-stats.js';
import { createMetrics, type Metrics } from './metrics/metrics.js';
import { ownRegistry } from './metrics/own-registry.js';
import type { Source as MetricsSource } from './metrics/table.js';
import { TEXT_TYPE, textWriter } from './metrics/text.js';
import { Fleet, type FleetOptions } from './probe/fleet.js';
import type { ConnectionInfo } from './server/info.js';
import { LiveCertificate } from './server/live-certificate.js';
import { connectionsWithin, openFilesLimit } from './server/open-files.js';
import { type ListenerSettings, Server } from './server/server.js';
import type { ServerEvents } from './server/session.js';
import { defaultServerSettings, type Limits, noTokens, type ServerSettings } from './server/settings.js';
import type { TlsSettings } from './server/tls-files.js';
import { judgeOptions } from './service-options.js';
import { logTransitions } from './transition-log.js';
import { packageVersion } from './version.js';
import { FrameType, maxBody } from './wire/codes.js';

/** One address to listen on, and what it holds otherwise than the others. */
export interface Listen extends Readonly<ListenerSettings> {
  readonly url: string;
}

/** How a service takes its leave (SPEC "Draining"), in milliseconds. */
export interface DrainTimes {
  /** How long everyone is still served. Default 10,000. */
  grace: number;
  /** How long it stays even with nobody connected, so that load balancers see it drain. Default 5,000, at most `grace`. */
  delay: number;
}

/** How often a drain looks whether everyone has left. */
const DRAIN_LOOK = 50;
/** Any time at all: a timer that keeps the process alive and does nothing. */
const ALIVE = 60_000;

/** What a service is made of. Times in milliseconds, sizes in octets; everything has a default. */
export interface ServiceOptions {
  /** Dependency checks by name: definitions such as `mysql({ url })`, or functions of anyone's own. Default: none. */
  checks?: Readonly<Record<string, CheckDefinition | CheckFunction>>;
  /** Where PINGs are answered. Default `[{ url: 'pong://127.0.0.1:7464' }]`; `[]`: nowhere. */
  listen?: readonly Listen[];
  /**
   * Where HTTP is served, with `tls` over TLS. Default `{ host: '127.0.0.1', port: 7664 }`; false: nowhere, as for who mounts `service.plugin`.
   * `maxConnections` (default 1,000) and `maxConnectionsPerAddress` (default 0 = unlimited) bound its connections.
   */
  http?: ({ readonly host?: string; readonly port?: number; readonly tls?: TlsSettings } & Partial<HttpLimits>) | false;
  /** A registry of prom-client that the metrics join from `start` to `stop`. Default: one of their own. */
  register?: MetricsRegistry;
  /** Deadlines of PINGs, and how old a last known result may be before it counts as unknown (`staleLimit`, default 30,000). */
  ping?: Partial<ServerSettings['ping']> & { staleLimit?: number };
  /** How long startup says `starting` while it has not passed (`grace`, default: as long as it takes); then it says what its checks say. */
  startup?: { grace?: number };
  heartbeat?: Partial<ServerSettings['heartbeat']>;
  limits?: Partial<Limits>;
  drain?: Partial<DrainTimes>;
  detail?: ServerSettings['detail'];
  /** Up to 16 texts that each show the right to see detail with `detail: 'token'`, and to ask at a listener with `requireToken`. Default: none. */
  tokens?: readonly string[];
  /** What `GET /probe` may ask for Prometheus. Default: there is no such route. */
  probe?: FleetOptions;
  /** Shown in reports. */
  serviceId?: string;
  releaseId?: string;
  /** A pino logger, or anything of its shape. Default: silence. */
  log?: Log;
  /** Where time comes from; for tests. */
  clock?: Clock;
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
  private readonly listen: readonly Listen[];
  private readonly clock: Clock;
  private readonly drainTimes: DrainTimes;
  private readonly idleTimeout: number;
  private readonly maxConnections: number;
  private readonly loop: LoopWatch;
  private readonly httpStats = new HttpStats();
  private isStarted = false;
  private stopping: Promise<void> | undefined;
  private readonly openHttp: (() => Promise<HttpServer>) | undefined;
  private readonly joined: MetricsRegistry | undefined;
  private own: MetricsRegistry | undefined;
  private metrics: Metrics | undefined;
  private http: HttpServer | undefined;
  private bound: string[] = [];

  constructor(options: ServiceOptions) {
    judgeOptions(options);
    const { clock = systemClock, log = silentLog, checks = {}, ping = {} } = options;
    const { staleLimit, ...deadlines } = ping;
    const settings: ServerSettings = {
      ping: { ...defaultServerSettings.ping, ...deadlines },
      heartbeat: { ...defaultServerSettings.heartbeat, ...options.heartbeat },
      limits: { ...defaultServerSettings.limits, ...options.limits },
      detail: options.detail ?? defaultServerSettings.detail,
      ...(options.tokens?.length && { tokens: options.tokens }),
    };
    judgeTokens(settings);
    settings.limits.maxConnections = this.affordable(settings.limits.maxConnections, log);
    judgePingData(settings.heartbeat.pingData);
    this.clock = clock;
    this.drainTimes = { grace: 10_000, delay: 5000, ...options.drain };
    this.idleTimeout = settings.heartbeat.idleTimeout;
    this.maxConnections = settings.limits.maxConnections;
    this.loop = new LoopWatch(clock);
    this.listen = options.listen ?? [{ url: 'pong://127.0.0.1:7464' }];
    this.health = new Registry({
      checks,
      clock,
      ...(staleLimit !== undefined && { staleLimit }),
      ...(options.startup?.grace !== undefined && { startupGrace: options.startup.grace }),
      ...(options.serviceId !== undefined && { serviceId: options.serviceId }),
      ...(options.releaseId !== undefined && { releaseId: options.releaseId }),
    });
    this.server = new Server({ health: this.health, settings, clock, log });
    this.events = this.server.events;
    logTransitions(this.health, log);
    this.joined = options.register;
    const context = {
      health: this.health,
      detail: settings.detail,
      tokens: settings.tokens && new Tokens(settings.tokens),
      connections: (after: number, limit: number) => this.connections(after, limit),
      overview: this.overview(clock.wall()),
      fleet: options.probe && new Fleet(options.probe, clock),
      register: () => this.metricsText(),
      clock,
      log: options.log,
    };
    this.plugin = httpPlugin(context);
    if (options.http !== false) {
      const { host = '127.0.0.1', port = 7664, tls, ...limits } = options.http ?? {};
      this.openHttp = async () => {
        const certificate = tls && (await LiveCertificate.open(tls, 'http'));
        const http = await openHttp({ ...context, host, port, certificate, limits, stats: this.httpStats });
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
    if (this.isStarted || this.stopping) {
      throw new PongcheckError('PONGCHECK_STARTED', `the service was ${this.stopping ? 'stopped' : 'started'} already`);
    }
    this.isStarted = true;
    const listeners = this.listen.map(({ url, ...own }) => [parseAddress(url), own] as const);
    if (this.joined) this.metrics = this.join(this.joined);
    try {
      this.loop.start();
      this.health.start();
      for (const [address, own] of listeners) this.bound.push(formatAddress(await this.server.listen(address, own)));
      this.http = await this.openHttp?.();
      // Whoever stopped it meanwhile did not see what has been opened since.
      if (this.stopping) await this.end();
    } catch (error) {
      await this.stop();
      throw error;
    }
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
  heartbeat({ idle = this.idleTimeout, close = false } = {}): ConnectionInfo[] {
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
   * then `stop`. Resolves when nothing of it is left. Never rejects.
   */
  async drain(): Promise<void> {
    const { clock } = this;
    const { grace, delay } = this.drainTimes;
    const begun = clock.now();
    this.health.drain();
    this.server.goaway(grace);
    const served = () => {
      const lasted = clock.now() - begun;
      return lasted >= grace || (lasted >= delay && this.server.connections.size === 0);
    };
    while (!served() && !this.stopping) await new Promise<void>((resolve) => clock.after(DRAIN_LOOK, resolve));
    await this.stop();
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
    // Where a check hangs nothing else may keep the process alive until it is left behind.
    const alive = setInterval(() => {}, ALIVE);
    this.health.drain();
    await this.server.close();
    await this.http?.close();
    await this.health.stop();
    clearInterval(alive);
    this.loop.stop();
    this.metrics?.close();
    this.http = undefined;
    this.bound = [];
  }

  /** Of the connections that are wanted, as many as this process may have files for. */
  private affordable(wanted: number, log: Log): number {
    const files = openFilesLimit();
    const most = connectionsWithin(wanted, files);
    if (most < wanted) {
      log.warn(
        { files, maxConnections: most },
        `this process may open ${files} files: ${most} connections are taken, and not the ${wanted} of limits.maxConnections`,
      );
    }
    return most;
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
      onTransition: (listener) => health.onTransition(listener),
      version: packageVersion(),
      startedAt: new Date(startedAt),
    };
  }

  /** What /metrics shows: the registry, once somebody has it, who may put more into it. */
  private metricsText(): MetricsText {
    if (this.joined) return this.joined;
    const write = textWriter(this.metricsSource());
    return { contentType: TEXT_TYPE, metrics: async () => this.own?.metrics() ?? write() };
  }

  private join(register: MetricsRegistry): Metrics {
    return createMetrics({ register, ...this.metricsSource() });
  }

  private metricsSource(): MetricsSource {
    const { health, loop, maxConnections, httpStats: http } = this;
    return { health, stats: this.server.stats, http, loop, maxConnections, version: packageVersion() };
  }
}

/** Whoever configures a token wants a secret; nothing of one that is refused is shown. */
function judgeTokens({ detail, tokens = [] }: ServerSettings): void {
  const wrong = tokens.findIndex((token) => typeof token !== 'string' || !tokenPattern.test(token));
  if (wrong >= 0) {
    throw new PongcheckError('PONGCHECK_CONFIG', `tokens[${wrong}] is not of the form that is allowed: ${TOKEN_FORMS}`);
  }
  if (tokens.length > MAX_TOKENS) {
    throw new PongcheckError('PONGCHECK_CONFIG', `tokens has ${tokens.length} entries; allowed: up to ${MAX_TOKENS}`);
  }
  if (detail === 'token' && tokens.length === 0) throw noTokens('detail is token');
}

/** What PINGs of the server carry has to fit the body of a PING. */
function judgePingData(pingData: object | undefined): void {
  if (pingData === undefined) return;
  const octets = Buffer.byteLength(JSON.stringify(pingData));
  const most = maxBody[FrameType.PING];
  if (Array.isArray(pingData) || octets > most) {
    const found = Array.isArray(pingData) ? 'a list' : `${octets} octets as JSON`;
    throw new PongcheckError(
      'PONGCHECK_CONFIG',
      `heartbeat.pingData is ${found}; allowed: an object of at most ${most} octets as JSON`,
    );
  }
}

/** Makes a service; it does nothing before `start`. Throws PONGCHECK_CHECK for a check that makes no sense. */
export function createService(options: ServiceOptions = {}): Service {
  return new Service(options);
}
