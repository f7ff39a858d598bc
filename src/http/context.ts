import type { Clock } from '../common/clock.js';
import type { Log } from '../common/log.js';
import type { ProbeExporter } from '../exporter/exporter.js';
import type { Health } from '../health/health.js';
import type { DetailMode } from '../net/access.js';
import type { Tokens } from '../net/tokens.js';
import type { FleetView } from './fleet-page/board.js';
import type { Renderings } from './renderings.js';
import type { Overview } from './status-page/overview.js';

/** Source of the text served at `/metrics`, such as a prom-client registry. */
export interface MetricsText {
  readonly contentType: string;
  metrics(): Promise<string>;
}

/** The parts of the service that the routes use. */
export interface HttpContext {
  readonly health: Health;
  /** A reload changes this object in place. */
  readonly access: {
    /** Which clients receive more than `status` and `state`. */
    readonly detail: DetailMode;
    /** Accepted bearer tokens; undefined if no tokens are configured. */
    readonly tokens: Tokens | undefined;
  };
  /** Resolves with at most `limit` open connections whose id is above `after`, sorted by id. */
  readonly connections: (after: number, limit: number) => Promise<readonly { readonly id: number }[]>;
  readonly overview: Overview;
  /** Serves `/probe`, if configured. */
  readonly exporter?: ProbeExporter | undefined;
  /** Serves `/fleet`, if configured. */
  readonly fleet?: FleetView | undefined;
  /** Returns the metrics registry. Called once, when the routes are created. */
  readonly register: () => MetricsText;
  readonly clock: Clock;
  /** Logger for internal errors. Default: the logger of a Fastify application, otherwise none. */
  readonly log?: Log | undefined;
}

/** The context for the routes of one router. */
export interface RouteContext extends HttpContext {
  readonly renderings: Renderings;
}

/** Whether the service is draining, so that clients should close their connections. */
export function isDraining(health: Health): boolean {
  return health.cachedStatus('readiness').state === 'draining';
}
