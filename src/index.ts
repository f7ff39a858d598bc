export { type HttpOptions, http } from './checks/http.js';
export { type MysqlOptions, mysql } from './checks/mysql.js';
export { type RedisOptions, redis } from './checks/redis.js';
export { PongcheckError } from './errors.js';
export type { CheckDefinition, CheckFunction, CheckResult, CheckSettings } from './health/check.js';
export { CheckFailure, type Reason } from './health/reason.js';
export type { ConnectionInfo } from './server/info.js';
export type { CloseReason } from './server/stats.js';
export { createService, type DrainTimes, type Listen, type Service, type ServiceOptions } from './service.js';
