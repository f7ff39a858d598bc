import type { Clock } from '../../common/clock.js';
import type { Scope } from '../../health/health.js';
import type { State } from '../../health/state.js';
import type { Address } from '../../net/address.js';
import type { KeepAlive } from '../../net/keep-alive.js';
import type { Pong } from '../responses.js';
import type { ClientTls } from '../tls.js';
import type { BackoffOptions } from './backoff.js';
import type { HeartbeatSettings, heartbeatPresets } from './heartbeat-settings.js';
import type { ConnectionHooks } from './hooks.js';

/** `suspect`: a PING is unanswered. `draining`: the server is shutting down or sent GOAWAY. `down`: there is no connection, and a retry is scheduled. */
export type LinkState = 'connecting' | 'up' | 'suspect' | 'draining' | 'down' | 'closed';

/** Options of `openLink`. Times are whole milliseconds; `Infinity` is not allowed. */
export interface LinkOptions extends ConnectionHooks {
  /** Name of this client in the logs of the server. */
  name?: string;
  /** Bearer token, sent in HELLO to each address. Without TLS, it is sent in clear text. */
  token?: string;
  /**
   * Heartbeat preset or settings.
   *
   * @default 'default'
   */
  heartbeat?: keyof typeof heartbeatPresets | HeartbeatSettings;
  /**
   * Scope of the PINGs. `readiness` also detects servers that are alive but cannot do their work.
   *
   * @default 'readiness'
   */
  scope?: Scope;
  /** Names of 1 to 32 checks that the PINGs select. Cannot be combined with `group`. */
  checks?: readonly string[];
  /** Name of the group that the PINGs select. Default: the group of the scope. */
  group?: string;
  /**
   * Whether to request the report with each PONG.
   *
   * @default false
   */
  detail?: boolean;
  /**
   * Interval at which the server should also send PINGs, in milliseconds; 0 = never.
   *
   * @default 0
   */
  serverPings?: number;
  /** Synchronously returns the status for PINGs from the server. Default: pass. */
  health?: () => 'pass' | 'warn' | 'fail';
  /** Statuses that make the link fail over to another healthy address. Default: fail, draining and unknown. */
  failoverOn?: readonly State[];
  /**
   * Whether to return to an earlier address in the list once it is healthy again.
   *
   * @default true
   */
  failback?: boolean;
  /** Delays between connection attempts. */
  backoff?: BackoffOptions;
  /**
   * Timeout for establishing a connection, in milliseconds.
   *
   * @default 5000
   */
  connectTimeout?: number;
  /** TLS options for `pongs://` addresses. By default, server certificates are verified and no client certificate is sent. */
  tls?: ClientTls;
  /** TCP keep-alive of each connection. Off by default. */
  keepAlive?: Partial<KeepAlive>;
  /** @internal Runs each connection attempt, to limit concurrent attempts across links. */
  attempts?: Attempts;
  /** @internal Called for each attempt, instead of `token` and `tls`. */
  identity?: () => Pick<LinkOptions, 'token' | 'tls'>;
  /** @internal */
  clock?: Clock;
  /** @internal */
  random?: () => number;
}

/** Limits concurrent connection attempts across links. */
export interface Attempts {
  /** Calls `attempt`, immediately or later, and returns its result. */
  run<T>(attempt: () => Promise<T>): Promise<T>;
}

/** A state change of a link. */
export interface LinkChange {
  readonly state: LinkState;
  readonly address: Address;
  /** Reason of the change. */
  readonly why: string;
  /** Status in the last PONG; undefined before the first PONG of a connection. */
  readonly status: State | undefined;
}

/** Events of a link. */
export interface LinkEvents {
  state: [change: LinkChange];
  /** The status changed. */
  status: [status: State, pong: Pong];
  /** A heartbeat was answered. */
  pong: [pong: Pong];
  warning: [description: string];
}
