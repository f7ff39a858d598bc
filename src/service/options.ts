import type { Registry as MetricsRegistry } from 'prom-client';
import type { Clock } from '../common/clock.js';
import type { Log } from '../common/log.js';
import type { CheckDefinition, CheckFunction } from '../health/check.js';
import type { Options } from '../options/types.js';

/** Options of `createService`. Times are in milliseconds, sizes in bytes. Every option has a default. */
export interface ServiceOptions extends Options {
  /** Checks by name: definitions such as `mysqlCheck({ url })`, or functions. Default: none. */
  readonly checks?: Readonly<Record<string, CheckDefinition | CheckFunction>>;
  /** prom-client registry, to which the metrics are added on `start` and removed on `stop`. Default: a separate registry. */
  readonly register?: MetricsRegistry;
  /** pino logger, or an object with the same methods. Default: no logging. */
  readonly log?: Log;
  /** Time source, for tests. Default: the system clock. */
  readonly clock?: Clock;
}
