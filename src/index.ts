export { PongcheckError } from './errors.js';
export type { CheckDefinition, CheckFunction, CheckResult, CheckSettings } from './health/check.js';
export { createService, type Service, type ServiceOptions } from './service.js';
