import type { Clock } from '../common/clock.js';
import type { Log } from '../common/log.js';
import type { ProbeExporter } from '../exporter/exporter.js';
import type { Health } from '../health/health.js';
import type { DetailMode } from '../net/access.js';
import type { Tokens } from '../net/tokens.js';
import type { Renderings } from './renderings.js';
import type { Overview } from './status-page/overview.js';

/** What the text at `/metrics` comes from; a registry of prom-client is one. */
export interface MetricsText {
  readonly contentType: string;
  metrics(): Promise<string>;
}

/** All that the routes know of the service that they speak for. */
export interface HttpContext {
  readonly health: Health;
  /** A reload changes it in place. */
  readonly access: {
    /** Who may see more than `status` and `state`. */
    readonly detail: DetailMode;
    /** What `Authorization: Bearer` may show; undefined: nobody asks for it. */
    readonly tokens: Tokens | undefined;
  };
  /** At most `limit` open connections with an id above `after`, the oldest first. */
  readonly connections: (after: number, limit: number) => readonly { readonly id: number }[];
  readonly overview: Overview;
  /** Who probes other targets, where that is configured. */
  readonly fleet?: ProbeExporter | undefined;
  /** Called once, when the routes are registered. */
  readonly register: () => MetricsText;
  readonly clock: Clock;
  /** Hears what broke here. Default: the logger of the application in which the routes are. */
  readonly log?: Log | undefined;
}

/** What the routes are made with. */
export interface RouteContext extends HttpContext {
  readonly renderings: Renderings;
}

/** Whether this service takes its leave: whoever keeps a connection should look for another one. */
export function isDraining(health: Health): boolean {
  return health.cachedStatus('readiness').state === 'draining';
}
