import { type Clock, systemClock } from './clock.js';
import type { CheckDefinition, CheckFunction } from './health/check.js';
import { Registry } from './health/registry.js';
import { formatAddress, parseAddress } from './link/address.js';
import { type Log, silentLog } from './log.js';
import { Server } from './server/server.js';
import { defaultServerSettings, type Limits, type ServerSettings } from './server/settings.js';

/** What a service is made of. Times in milliseconds, sizes in octets; everything has a default. */
export interface ServiceOptions {
  /** Dependency checks by name: definitions such as `mysql({ url })`, or functions of anyone's own. Default: none. */
  checks?: Readonly<Record<string, CheckDefinition | CheckFunction>>;
  /** Where PINGs are answered. Default `[{ url: 'pong://127.0.0.1:7464' }]`; `[]`: nowhere. */
  listen?: readonly { readonly url: string }[];
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
  private readonly listen: readonly { readonly url: string }[];
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
  }

  /** Random per process start; in every report. */
  get instance(): string {
    return this.health.instance;
  }

  /** Where PINGs are answered, as `pong://HOST:PORT` with the real port; empty before `start`. */
  get addresses(): readonly string[] {
    return this.bound;
  }

  /**
   * Runs the checks for the first time and opens the listeners. Rejects with
   * PONGCHECK_LISTEN or PONGCHECK_ADDRESS; nothing is left open then.
   */
  async start(): Promise<void> {
    const addresses = this.listen.map(({ url }) => parseAddress(url));
    this.health.start();
    try {
      for (const address of addresses) this.bound.push(formatAddress(await this.server.listen(address)));
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /**
   * Answers what has arrived, sends FIN to everyone, ends the checks. Resolves
   * when nothing of it is left. Never rejects.
   */
  async stop(): Promise<void> {
    this.health.drain();
    await this.server.close();
    await this.health.stop();
    this.bound = [];
  }
}

/** Makes a service; it does nothing before `start`. Throws PONGCHECK_CHECK for a check that makes no sense. */
export function createService(options: ServiceOptions = {}): Service {
  return new Service(options);
}
