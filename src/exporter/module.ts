import type { ClientTls } from '../client/tls.js';
import type { Scope } from '../health/health.js';

export const probers = ['pongcheck', 'line', 'http', 'tcp'] as const;
export type Prober = (typeof probers)[number];

/** How a target is asked, and what it has to answer. Times in milliseconds. */
export interface ProbeModule {
  /** `pongcheck`: a PING. `line`: `ping` in line mode. `http`: GET of health+json. `tcp`: a connection and nothing more. */
  readonly prober: Prober;
  /** Default 5000. The scrape's own limit, less half a second, counts where that is shorter. */
  readonly timeout?: number;
  /** Over TLS, with what is said here. Default: not over TLS. */
  readonly tls?: ClientTls;
  /** Of pongcheck in HELLO, of http as `Authorization: Bearer`. */
  readonly token?: string;
  /** Of pongcheck. Default readiness. */
  readonly scope?: Scope;
  /** Of pongcheck: a group, or some checks. */
  readonly group?: string;
  readonly checks?: readonly string[];
  /** Of http. Default `/health`. */
  readonly path?: string;
}

/** What there is where the configuration names no module. */
export const defaultModules: Readonly<Record<Prober, ProbeModule>> = {
  pongcheck: { prober: 'pongcheck' },
  line: { prober: 'line' },
  http: { prober: 'http' },
  tcp: { prober: 'tcp' },
};
