import type { Registry as MetricsRegistry } from 'prom-client';
import type { Clock } from '../common/clock.js';
import type { Log } from '../common/log.js';
import type { CheckDefinition, CheckFunction } from '../health/check.js';
import type { Options } from '../options/types.js';

/** The options of a service. Times in milliseconds, sizes in bytes; every option has a default. */
export interface ServiceOptions extends Options {
  /** Dependency checks by name: definitions such as `mysqlCheck({ url })`, or functions. Default: none. */
  readonly checks?: Readonly<Record<string, CheckDefinition | CheckFunction>>;
  /** A prom-client registry. The metrics are added to it on `start` and removed on `stop`. Default: a separate registry. */
  readonly register?: MetricsRegistry;
  /** A pino logger, or an object with the same methods. Default: no logging. */
  readonly log?: Log;
  /** Time source, for tests. Default: the clock of the process. */
  readonly clock?: Clock;
}
