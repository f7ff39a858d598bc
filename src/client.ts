/** The public surface of `pongcheck/client`: nothing here or below imports a package of anyone else. */
export { Client, type ClientEvents } from './client/client.js';
export { type ConnectOptions, connect, ping } from './client/connect.js';
export { type CloseReason, RefusedError, type WireRefusal } from './client/errors.js';
export type { Goaway } from './client/goaway.js';
export { type HeartbeatSettings, heartbeatPresets } from './client/link/heartbeat-settings.js';
export {
  type Link,
  type LinkChange,
  type LinkOptions,
  type LinkState,
  openLink,
} from './client/link/link.js';
export type { RoundTripTimes } from './client/link/round-trips.js';
export type { Pong } from './client/pong.js';
export type { Report, ReportCause, ReportCheck } from './client/report.js';
export type { HelloOptions, PingOptions } from './client/requests.js';
export type { ClientTls } from './client/tls.js';
export type { Watch, WatchedStatus, WatchOptions } from './client/watch.js';
export { PongcheckError } from './common/errors.js';
export { type Address, formatAddress, parseAddress } from './net/address.js';
