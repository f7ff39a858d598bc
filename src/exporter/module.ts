import type { ClientTls } from '../client/tls.js';
import type { Scope } from '../health/health.js';

export const probers = ['pongcheck', 'line', 'http', 'tcp'] as const;
export type Prober = (typeof probers)[number];

/** How to probe a target. Times are in milliseconds. */
export interface ProbeModule {
  /** `pongcheck` sends a PING, `line` sends `ping` in line mode, `http` requests a health endpoint, `tcp` only connects. */
  readonly prober: Prober;
  /** Timeout of a probe. If the scrape timeout minus 500 ms is shorter, it applies instead. Default 5000. */
  readonly timeout?: number;
  /** Connects over TLS with these options. Default: no TLS. */
  readonly tls?: ClientTls;
  /** (`pongcheck`, `http`) Token, sent in HELLO or as `Authorization: Bearer`. */
  readonly token?: string;
  /** (`pongcheck`) Scope to query. Default readiness. */
  readonly scope?: Scope;
  /** (`pongcheck`) Group, or names of checks, to query. */
  readonly group?: string;
  readonly checks?: readonly string[];
  /** (`http`) Path and query of the request. Default `/health`. */
  readonly path?: string;
}

/** The modules that are available if the configuration defines none. */
export const defaultModules: Readonly<Record<Prober, ProbeModule>> = {
  pongcheck: { prober: 'pongcheck' },
  line: { prober: 'line' },
  http: { prober: 'http' },
  tcp: { prober: 'tcp' },
};
