import { Histogram } from '../common/histogram.js';
import type { Scope } from '../health/health.js';
import { type State, states } from '../health/state.js';

/** Why a connection ended; a fixed set, because it is a metric label. */
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
export const rejectReasons = ['max-connections', 'max-connections-per-address', 'max-handshakes'] as const;
export type RejectReason = (typeof rejectReasons)[number];

/** Why reading of a connection is paused: a limit, the turn of other connections, or the order of lines. */
export const pauses = ['max-pending', 'max-queued-bytes', 'turn-budget', 'line-order'] as const;
export type Pause = (typeof pauses)[number];

function zeros<K extends string>(keys: readonly K[]): Record<K, number> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<K, number>;
}

/** Counters of a server. Plain numbers, so that counting costs the hot path nothing; read when metrics are scraped. */
export class ServerStats {
  accepted = 0;
  open = 0;
  /** Connections still in the PROXY header or TLS handshake. */
  arriving = 0;
  /** Expiry of the certificate of each TLS listener, in milliseconds since 1970. */
  certificates: () => readonly (readonly [listener: string, expiresAt: number])[] = () => [];
  /** PINGs that wait for an answer. */
  waiting = 0;
  readonly refused = zeros(rejectReasons);
  readonly closed = zeros(closeReasons);
  readonly paused = zeros(pauses);
  /** PONGs by scope, then by state. Line-mode `ping` and `agent` count as readiness. */
  readonly pings: Record<Scope, Record<State, number>> = {
    readiness: zeros(states),
    liveness: zeros(states),
    startup: zeros(states),
  };
  /** Open WATCHes. */
  watches = 0;
  /** STATUS frames sent, by state. */
  readonly statuses: Record<State, number> = zeros(states);
  /** PONGs sent with STALE. */
  stale = 0;
  /** Unsolicited PONGs, and GOAWAYs and ERRORs from peers. */
  ignoredFrames = 0;
  readonly lines = { ping: 0, agent: 0 };
  /** ERROR frames sent, by code. */
  readonly errors = new Float64Array(14);
  bytesIn = 0;
  bytesOut = 0;
  /** From reading a PING to writing its PONG, in seconds. */
  readonly replyTime = new Histogram([0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]);
  /** Age of the oldest result in a PONG, in seconds. */
  readonly resultAge = new Histogram([0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]);
}
