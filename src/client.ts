/** Public API of `pongcheck/client`. It has no dependencies. */
export { Client } from './client/client.js';
export { connect, ping } from './client/connect.js';
export type { ClientEvents } from './client/connection.js';
export { type CloseReason, RefusedError, type WireRefusal } from './client/errors.js';
export { type HeartbeatSettings, heartbeatPresets } from './client/link/heartbeat-settings.js';
export {
  type Link,
  type LinkChange,
  type LinkOptions,
  type LinkState,
  openLink,
} from './client/link/link.js';
export type { RoundTripTimes } from './client/link/round-trips.js';
export type { ConnectOptions } from './client/open.js';
export type { Report, ReportCause, ReportCheck } from './client/report.js';
export type { HelloOptions, PingOptions } from './client/requests.js';
export type { Goaway, Pong } from './client/responses.js';
export type { ClientTls } from './client/tls.js';
export type { Watch, WatchedStatus, WatchOptions } from './client/watch.js';
export { PongcheckError } from './common/errors.js';
export { type Address, formatAddress, parseAddress } from './net/address.js';
