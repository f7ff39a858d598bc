import type { ClientTls } from '../client/tls.js';
import type { Scope } from '../health/health.js';

export const probers = ['pongcheck', 'line', 'http', 'tcp'] as const;
export type Prober = (typeof probers)[number];

/** How a target is probed. Times in milliseconds. */
export interface ProbeModule {
  /** `pongcheck` sends a PING, `line` sends `ping` in line mode, `http` requests a health endpoint, `tcp` only connects. */
  readonly prober: Prober;
  /** Timeout of a probe, or the scrape timeout minus 500 ms if that is shorter. Default 5000. */
  readonly timeout?: number;
  /** Connects over TLS with these options. Default: no TLS. */
  readonly tls?: ClientTls;
  /** (`pongcheck`, `http`) Token, sent in HELLO or as `Authorization: Bearer`. */
  readonly token?: string;
  /** (`pongcheck`) Scope to query. Default readiness. */
  readonly scope?: Scope;
  /** (`pongcheck`) Group to query, or the names of checks. */
  readonly group?: string;
  readonly checks?: readonly string[];
  /** (`http`) Path and query of the request. Default `/health`. */
  readonly path?: string;
}

/** The modules if the configuration has none. */
export const defaultModules: Readonly<Record<Prober, ProbeModule>> = {
  pongcheck: { prober: 'pongcheck' },
  line: { prober: 'line' },
  http: { prober: 'http' },
  tcp: { prober: 'tcp' },
};
