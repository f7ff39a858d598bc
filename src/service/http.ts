import type { Registry as MetricsRegistry } from 'prom-client';
import { ProbeExporter } from '../exporter/exporter.js';
import type { HttpContext } from '../http/context.js';
import { type HttpHandler, httpHandler } from '../http/handler.js';
import { type FastifyPlugin, httpPlugin } from '../http/plugin.js';
import { Router } from '../http/router.js';
import { type HttpServer, openHttp } from '../http/server.js';
import type { AcceptorLimits } from '../http/sockets/acceptor.js';
import { HttpStats } from '../metrics/http-stats.js';
import { metricsText } from '../metrics/metrics.js';
import { Tokens } from '../net/tokens.js';
import { formatValue } from '../options/format-value.js';
import { configError } from '../options/issue.js';
import type { HttpSettings } from '../options/settings.js';
import { LiveCertificate } from '../server/certificates/live-certificate.js';
import { type OverviewParts, serviceOverview } from './overview.js';
import type { ReloadPlan } from './reload-plan.js';
import type { ServiceSettings } from './settings.js';

interface HttpParts extends OverviewParts, Pick<HttpContext, 'fleet' | 'log'> {
  /** Returns the metrics registry. */
  readonly register: () => MetricsRegistry;
}

/** The HTTP routes, on a dedicated server and on servers of the application. */
export class ServiceHttp {
  readonly stats = new HttpStats();
  readonly plugin: FastifyPlugin;
  private readonly context: HttpContext;
  /** The routes of all handlers. They are created for the first handler. */
  private router: Router | undefined;
  private listener: HttpServer | undefined;

  constructor(
    private readonly parts: HttpParts,
    settings: ServiceSettings,
  ) {
    const { probe } = settings;
    this.context = {
      ...parts,
      access: accessOf(settings),
      connections: async (after, limit) => parts.server.infos(after, limit),
      overview: serviceOverview(parts),
      exporter: probe && new ProbeExporter(probe, parts.clock),
      register: () => {
        const register = parts.register();
        return { contentType: register.contentType, metrics: () => metricsText(register) };
      },
    };
    this.plugin = httpPlugin(this.context);
  }

  /** The address of the dedicated server, with the actual port; undefined if it is not open. */
  get address(): string | undefined {
    return this.listener?.address;
  }

  handlerAt(prefix: string): HttpHandler {
    const path = prefix.replace(/\/+$/, '');
    if (path !== '' && !path.startsWith('/')) {
      throw configError([`the prefix is ${formatValue(prefix)}; allowed: a path that begins with /`]);
    }
    this.router ??= new Router(this.context);
    return httpHandler(this.router, path);
  }

  async open(settings: ServiceSettings): Promise<void> {
    const { http } = settings;
    if (!http) return;
    const { host, port, tls } = http;
    const certificate = tls && (await LiveCertificate.open(tls, 'http.'));
    const limits = limitsOf(http, settings);
    this.listener = await openHttp({ ...this.context, host, port, certificate, limits, stats: this.stats });
    if (certificate) this.parts.server.watchCertificate(this.listener.address, certificate);
  }

  reload({ settings, exporter }: ReloadPlan): void {
    // Changed in place, because the routes hold references to these objects.
    Object.assign(this.context.access, accessOf(settings));
    if (exporter) this.context.exporter?.replaceWith(exporter);
    if (settings.http) this.listener?.setLimits(limitsOf(settings.http, settings));
  }

  /** Waits up to 1 s for requests in flight. Never rejects. */
  async close(): Promise<void> {
    this.router?.close();
    await this.listener?.close();
    this.listener = undefined;
  }
}

function accessOf({ detail, tokens }: ServiceSettings): HttpContext['access'] {
  return { detail, tokens: tokens && new Tokens(tokens) };
}

function limitsOf(
  { maxConnections, maxConnectionsPerAddress }: HttpSettings,
  { limits: { ipv6Prefix } }: ServiceSettings,
): AcceptorLimits {
  return { maxConnections, maxConnectionsPerAddress, ipv6Prefix };
}
