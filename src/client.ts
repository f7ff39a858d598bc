/**
 * The API of `pongcheck/client`. Neither this file nor anything that it imports loads another package.
 *
 * @module
 */
export { Client } from './client/client.js';
export { connect, ping } from './client/connect.js';
export type { ClientEvents } from './client/connection.js';
export { type CloseReason, RefusedError, type WireRefusal } from './client/errors.js';
export type { BackoffOptions } from './client/link/backoff.js';
export { type HeartbeatSettings, heartbeatPresets } from './client/link/heartbeat-settings.js';
export type { ConnectionHooks } from './client/link/hooks.js';
export { type Link, openLink } from './client/link/link.js';
export type { LinkChange, LinkEvents, LinkOptions, LinkState } from './client/link/link-options.js';
export type { RoundTripTimes } from './client/link/round-trips.js';
export type { ConnectOptions } from './client/open.js';
export type { Report, ReportCause, ReportCheck, ReportPeers } from './client/report.js';
export type { HelloOptions, PingOptions } from './client/requests.js';
export type { Goaway, Pong, PongOwn } from './client/responses.js';
export type { ClientTls } from './client/tls.js';
export type { Watch, WatchedStatus, WatchOptions } from './client/watch.js';
export type { Clock, Timer } from './common/clock.js';
export { type ErrorCode, errorCodes, PongcheckError } from './common/errors.js';
export type { Scope } from './health/health.js';
export type { State } from './health/state.js';
export {
  type Address,
  formatAddress,
  parseAddress,
  type TcpAddress,
  type TlsAddress,
  type UnixAddress,
} from './net/address.js';
export type { KeepAlive } from './net/keep-alive.js';
export type { ErrorBody, Heartbeat, HelloBody } from './wire/bodies.js';
