import type { Registry as MetricsRegistry } from 'prom-client';
import type { Clock } from '../common/clock.js';
import type { Log } from '../common/log.js';
import type { CheckDefinition, CheckFunction } from '../health/check.js';
import type { Options } from '../options/types.js';

/** The options of a service. Times in milliseconds, sizes in bytes; everything has a default. */
export interface ServiceOptions extends Options {
  /** Dependency checks by name: definitions such as `mysqlCheck({ url })`, or functions. Default: none. */
  readonly checks?: Readonly<Record<string, CheckDefinition | CheckFunction>>;
  /** A registry of prom-client that the metrics join from `start` to `stop`. Default: one of their own. */
  readonly register?: MetricsRegistry;
  /** A pino logger, or an object with its methods. Default: no log. */
  readonly log?: Log;
  /** Time source, for tests. */
  readonly clock?: Clock;
}
