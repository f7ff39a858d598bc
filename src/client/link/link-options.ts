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

/** `suspect`: a PING is unanswered. `draining`: the server is shutting down or asked the client to leave. `down`: no connection; a retry is scheduled. */
export type LinkState = 'connecting' | 'up' | 'suspect' | 'draining' | 'down' | 'closed';

/** Options of `openLink`. Times are whole milliseconds; `Infinity` is refused. */
export interface LinkOptions extends ConnectionHooks {
  /** Name of this client in the logs of the server. */
  name?: string;
  /** Bearer token, sent in HELLO to each address. Without TLS it is sent in clear text. */
  token?: string;
  /**
   * Heartbeat: a preset, or its settings.
   *
   * @default 'default'
   */
  heartbeat?: keyof typeof heartbeatPresets | HeartbeatSettings;
  /**
   * Scope of the PINGs. `readiness` detects a server that is alive but not able to work.
   *
   * @default 'readiness'
   */
  scope?: Scope;
  /** Names of the checks that the PINGs select, 1 to 32. Excludes `group`. */
  checks?: readonly string[];
  /** Name of the group that the PINGs select. By default the group of the scope. */
  group?: string;
  /**
   * Requests the report with each PONG.
   *
   * @default false
   */
  detail?: boolean;
  /**
   * Interval in milliseconds at which the server should send PINGs as well; 0 = never.
   *
   * @default 0
   */
  serverPings?: number;
  /** Returns the status that answers PINGs from the server, synchronously. By default pass. */
  health?: () => 'pass' | 'warn' | 'fail';
  /** Statuses for which the link fails over to another healthy address. By default fail, draining and unknown. */
  failoverOn?: readonly State[];
  /**
   * Whether to return to an earlier address of the list when it is healthy again.
   *
   * @default true
   */
  failback?: boolean;
  /** Delays between attempts. */
  backoff?: BackoffOptions;
  /**
   * Timeout for establishing a connection, in milliseconds.
   *
   * @default 5000
   */
  connectTimeout?: number;
  /** TLS options for `pongs://` addresses. By default server certificates are verified and no client certificate is sent. */
  tls?: ClientTls;
  /** TCP keep-alive of each connection. Off by default. */
  keepAlive?: Partial<KeepAlive>;
  /** @internal Runs each attempt to connect, so that many links can limit how many are in progress. */
  attempts?: Attempts;
  /** @internal Called for each attempt, in place of `token` and `tls`. */
  identity?: () => Pick<LinkOptions, 'token' | 'tls'>;
  /** @internal */
  clock?: Clock;
  /** @internal */
  random?: () => number;
}

/** Limits the attempts to connect of many links. */
export interface Attempts {
  /** Calls `attempt`, at once or later, and returns its result. */
  run<T>(attempt: () => Promise<T>): Promise<T>;
}

/** A change of the state of a link. */
export interface LinkChange {
  readonly state: LinkState;
  readonly address: Address;
  /** Reason of the change. */
  readonly why: string;
  /** Status in the last PONG; undefined before the first of a connection. */
  readonly status: State | undefined;
}

/** Events of a link. */
export interface LinkEvents {
  state: [change: LinkChange];
  /** The status has changed. */
  status: [status: State, pong: Pong];
  /** A heartbeat was answered. */
  pong: [pong: Pong];
  warning: [description: string];
}
