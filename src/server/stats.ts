import { Histogram } from '../common/histogram.js';
import type { Scope } from '../health/health.js';
import { type State, states } from '../health/state.js';

/** Why a connection ended: a closed list, because it is a metric label. */
export const closeReasons = [
  'client-closed',
  'client-reset',
  'idle',
  'dead',
  'slow-peer',
  'timed-out',
  'network',
  'protocol-error',
  'too-many-pings',
  'unauthenticated',
  'tls',
  'proxy-header',
  'wrong-protocol',
  'answered',
  'drained',
  'closed-by-application',
  'internal',
] as const;
export type CloseReason = (typeof closeReasons)[number];

/** Why a connection was closed at accept. */
export const refusals = ['max-connections', 'max-connections-per-address', 'max-handshakes'] as const;
export type Refusal = (typeof refusals)[number];

/** What made a connection pause its reading: a bound, others whose turn it is, or the order of lines. */
export const pauses = ['max-pending', 'max-queued-bytes', 'turn-budget', 'line-order'] as const;
export type Pause = (typeof pauses)[number];

function zeros<K extends string>(keys: readonly K[]): Record<K, number> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<K, number>;
}

/**
 * What the server counts. Plain numbers, so that counting costs nothing on the
 * way of a PING; `metrics.ts` reads them when it is scraped.
 */
export class ServerStats {
  accepted = 0;
  open = 0;
  /** Connections that owe a PROXY header, or are in a TLS handshake, now. */
  arriving = 0;
  /** When the certificate of each listener with TLS runs out, in milliseconds since 1970. */
  certificates: () => readonly (readonly [listener: string, expiresAt: number])[] = () => [];
  /** PINGs that wait for an answer now. */
  waiting = 0;
  readonly refused = zeros(refusals);
  readonly closed = zeros(closeReasons);
  readonly paused = zeros(pauses);
  /** PONGs by scope, then by state. Line-mode `ping` and `agent` count as readiness. */
  readonly pings: Record<Scope, Record<State, number>> = {
    readiness: zeros(states),
    liveness: zeros(states),
    startup: zeros(states),
  };
  /** WATCHes that are open now. */
  watches = 0;
  /** STATUSes sent, by state. */
  readonly statuses: Record<State, number> = zeros(states);
  /** PONGs that said STALE. */
  stale = 0;
  /** PONGs that nobody asked for, and GOAWAYs and ERRORs from peers. */
  ignoredFrames = 0;
  readonly lines = { ping: 0, agent: 0 };
  /** ERROR frames sent, by code. */
  readonly errors = new Float64Array(14);
  bytesIn = 0;
  bytesOut = 0;
  /** From a PING's reading to its PONG's writing, in seconds. */
  readonly replyTime = new Histogram([0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]);
  /** Age of the oldest result that a PONG counted, in seconds. */
  readonly resultAge = new Histogram([0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]);
}
