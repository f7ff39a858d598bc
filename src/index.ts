/**
 * The API of `pongcheck`: a service that answers PINGs, and its checks.
 *
 * @module
 */
export { type DiskOptions, diskCheck } from './checks/disk/index.js';
export { type DnsOptions, dnsCheck } from './checks/dns/index.js';
export { type ExecOptions, execCheck } from './checks/exec/index.js';
export { type GrpcCheckOptions, grpcCheck } from './checks/grpc/index.js';
export { type HttpOptions, httpCheck } from './checks/http/index.js';
export { type MysqlOptions, type MysqlPoolOptions, type MysqlUrlOptions, mysqlCheck } from './checks/mysql/index.js';
export type { MysqlPool } from './checks/mysql/pool.js';
export { type PingpongOptions, pingpongCheck } from './checks/pingpong/index.js';
export {
  type PostgresAddressOptions,
  type PostgresOptions,
  type PostgresPoolOptions,
  postgresCheck,
} from './checks/postgres/index.js';
export type { PostgresPool } from './checks/postgres/pool.js';
export { type ProcessOptions, processCheck } from './checks/process/index.js';
export type { RedisClient } from './checks/redis/client-probe.js';
export { type RedisClientOptions, type RedisOptions, type RedisUrlOptions, redisCheck } from './checks/redis/index.js';
export type { SentinelOptions } from './checks/redis/login.js';
export type { TlsOptions } from './checks/shared/tls.js';
export { type TcpOptions, tcpCheck } from './checks/tcp/index.js';
export { type TlsExpiryOptions, tlsExpiryCheck } from './checks/tls-expiry/index.js';
export type { Clock, Timer } from './common/clock.js';
export { type ErrorCode, errorCodes, PongcheckError } from './common/errors.js';
export type { Log } from './common/log.js';
export type { GrpcJsServer } from './grpc/grpc-js.js';
export type {
  Cause,
  CheckDefinition,
  CheckFunction,
  CheckOutcome,
  CheckResult,
  CheckSettings,
} from './health/check.js';
export type { PeerTally } from './health/fate.js';
export type { Scope } from './health/health.js';
export type { HealthHistory } from './health/history/health-history.js';
export type { Series } from './health/history/recorder.js';
export type { Slot } from './health/history/slot.js';
export type { ChangedChecks } from './health/query/registry.js';
export { CheckFailure, type Reason, reasons } from './health/reason.js';
export type { CheckState, NonPassState, State } from './health/state.js';
export type { HttpHandler } from './http/handler.js';
export type { FastifyPlugin } from './http/plugin.js';
export type {
  DrainTimes,
  GrpcOptions as GrpcServerOptions,
  HttpOptions as HttpServerOptions,
  Limits,
  ListenOptions,
} from './options/settings.js';
export type { Options } from './options/types.js';
export type { ConnectionInfo } from './server/connection/info.js';
export type { ServerEvents } from './server/connection/session.js';
export type { CloseReason } from './server/stats.js';
export type { ServiceOptions } from './service/options.js';
export type { ReloadResult } from './service/reload-plan.js';
export { createService, type Service } from './service/service.js';
