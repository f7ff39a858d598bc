import type { FastifyPluginAsync } from 'fastify';
import type { Registry as MetricsRegistry } from 'prom-client';
import { type Clock, systemClock } from './clock.js';
import type { CheckDefinition, CheckFunction } from './health/check.js';
import { Registry } from './health/registry.js';
import { httpPlugin } from './http/plugin.js';
import { type HttpServer, openHttp } from './http/server.js';
import { formatAddress, parseAddress } from './link/address.js';
import { type Log, silentLog } from './log.js';
import { createMetrics, type Metrics } from './metrics/metrics.js';
import { ownRegistry } from './metrics/own-registry.js';
import { Server } from './server/server.js';
import { defaultServerSettings, type Limits, type ServerSettings } from './server/settings.js';
import { packageVersion } from './version.js';

/** What a service is made of. Times in milliseconds, sizes in octets; everything has a default. */
export interface ServiceOptions {
  /** Dependency checks by name: definitions such as `mysql({ url })`, or functions of anyone's own. Default: none. */
  checks?: Readonly<Record<string, CheckDefinition | CheckFunction>>;
  /** Where PINGs are answered. Default `[{ url: 'pong://127.0.0.1:7464' }]`; `[]`: nowhere. */
  listen?: readonly { readonly url: string }[];
  /** Where HTTP is served. Default `{ host: '127.0.0.1', port: 7664 }`; false: nowhere, as for who mounts `service.plugin`. */
  http?: { readonly host?: string; readonly port?: number } | false;
  /** A registry of prom-client that the metrics join from `start` to `stop`. Default: one of their own. */
  register?: MetricsRegistry;
  /** Deadlines of PINGs, and how old a last known result may be before it counts as unknown (`staleLimit`, default 30,000). */
  ping?: Partial<ServerSettings['ping']> & { staleLimit?: number };
  heartbeat?: Partial<ServerSettings['heartbeat']>;
  limits?: Partial<Limits>;
  detail?: ServerSettings['detail'];
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
   * `/health`, `/livez`, `/readyz`, `/startupz` and `/metrics` for a Fastify application that exists:
   * `app.register(service.plugin, { prefix: '/internal' })`.
   */
  readonly plugin: FastifyPluginAsync;
  private readonly listen: readonly { readonly url: string }[];
  private readonly openHttp: (() => Promise<HttpServer>) | undefined;
  private readonly joined: MetricsRegistry | undefined;
  private own: MetricsRegistry | undefined;
  private metrics: Metrics | undefined;
  private http: HttpServer | undefined;
  private bound: string[] = [];

  constructor(options: ServiceOptions) {
    const { clock = systemClock, log = silentLog, checks = {}, ping = {} } = options;
    const { staleLimit, ...deadlines } = ping;
    const settings: ServerSettings = {
      ping: { ...defaultServerSettings.ping, ...deadlines },
      heartbeat: { ...defaultServerSettings.heartbeat, ...options.heartbeat },
      limits: { ...defaultServerSettings.limits, ...options.limits },
      detail: options.detail ?? defaultServerSettings.detail,
    };
    this.listen = options.listen ?? [{ url: 'pong://127.0.0.1:7464' }];
    this.health = new Registry({
      checks,
      clock,
      ...(staleLimit !== undefined && { staleLimit }),
      ...(options.serviceId !== undefined && { serviceId: options.serviceId }),
      ...(options.releaseId !== undefined && { releaseId: options.releaseId }),
    });
    this.server = new Server({ health: this.health, settings, clock, log });
    this.joined = options.register;
    const context = { health: this.health, detail: settings.detail, register: () => this.register };
    this.plugin = httpPlugin(context);
    if (options.http !== false) {
      const { host = '127.0.0.1', port = 7664 } = options.http ?? {};
      this.openHttp = () => openHttp({ ...context, host, port, clock });
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

  /** Where HTTP is served, as `http://HOST:PORT` with the real port; undefined before `start` and with `http: false`. */
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
   * has the metrics of another service; nothing is left open then.
   */
  async start(): Promise<void> {
    const addresses = this.listen.map(({ url }) => parseAddress(url));
    if (this.joined) this.metrics = this.join(this.joined);
    try {
      this.health.start();
      for (const address of addresses) this.bound.push(formatAddress(await this.server.listen(address)));
      this.http = await this.openHttp?.();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /**
   * Answers what has arrived, sends FIN to everyone, lets HTTP requests in flight
   * finish, ends the checks. Resolves when nothing of it is left. Never rejects.
   */
  async stop(): Promise<void> {
    this.health.drain();
    await this.server.close();
    await this.http?.close();
    await this.health.stop();
    this.metrics?.close();
    this.http = undefined;
    this.bound = [];
  }

  private join(register: MetricsRegistry): Metrics {
    return createMetrics({ register, health: this.health, stats: this.server.stats, version: packageVersion() });
  }
}

/** Makes a service; it does nothing before `start`. Throws PONGCHECK_CHECK for a check that makes no sense. */
export function createService(options: ServiceOptions = {}): Service {
  return new Service(options);
}
