import type { State } from '../health/state.js';

/**
 * The report of a peer, as `protocol/report.schema.json` describes it. It is not validated: keys may be missing or
 * unknown, and types may differ.
 */
export interface Report {
  /** Status for readers of application/health+json: draining, starting, unknown and not-found map to fail. */
  readonly status?: 'pass' | 'warn' | 'fail';
  readonly state?: State;
  /** Random id of the process, new at each start. */
  readonly instance?: string;
  readonly serviceId?: string;
  readonly releaseId?: string;
  /** When the report was written, as RFC 3339. */
  readonly time?: string;
  /** Root causes of the state, the worst first, including those behind other responders. */
  readonly causes?: readonly ReportCause[];
  /** Results by check name, each an array of one. Absent if the PONG is `truncated`. */
  readonly checks?: Readonly<Record<string, readonly ReportCheck[]>>;
  readonly [key: string]: unknown;
}

/** A root cause of the state of a responder. */
export interface ReportCause {
  /** Instance id of the process that observed it. */
  readonly instance?: string;
  /** Service name of that instance. */
  readonly service?: string;
  /** Instances that it passed through, the nearest to the cause first. */
  readonly via?: readonly string[];
  /** The check of the responder that sent this report whose result has the cause; absent if `via` is empty. */
  readonly through?: string;
  readonly check?: string;
  /** What that check contacts or measures, without credentials. */
  readonly target?: string;
  /** Its effect on the state of the responder that sent this report. */
  readonly state?: 'warn' | 'fail' | 'unknown';
  /** Reason as reported; treat an unknown one as custom. */
  readonly reason?: string;
  readonly output?: string;
  /** Whether the other instances of that service have the same failure, if they were asked. */
  readonly fate?: 'shared' | 'local' | 'unknown';
  readonly peers?: ReportPeers;
  readonly [key: string]: unknown;
}

/** The answers of the other instances that were asked about a failure. */
export interface ReportPeers {
  readonly asked?: number;
  /** Answers that count. */
  readonly answered?: number;
  /** Those of them that have the same failure. */
  readonly failing?: number;
}

/** The latest result of a check. */
export interface ReportCheck {
  readonly status?: 'pass' | 'warn' | 'fail';
  readonly state?: 'pass' | 'warn' | 'fail' | 'unknown';
  readonly componentType?: string;
  /** What the check contacts or measures, such as `redis://127.0.0.1:6379`, without credentials. */
  readonly target?: string;
  /** Start of the run, as RFC 3339. Absent if no run has finished. */
  readonly time?: string;
  /** What the run measured: one value, or several by name. */
  readonly observedValue?: string | number | boolean | Readonly<Record<string, string | number | boolean>>;
  /** The unit of all values, or of each one by name. */
  readonly observedUnit?: string | Readonly<Record<string, string>>;
  readonly output?: string;
  readonly reason?: string;
  /** Whether the other instances of the service have the same failure, if they were asked. */
  readonly fate?: 'shared' | 'local' | 'unknown';
  readonly peers?: ReportPeers;
  /** Age of the result in milliseconds: from the start of the run to the time of the report. Absent if no run has finished. */
  readonly ageMs?: number;
  /** Whether the result is older than the maximum age of the check. */
  readonly stale?: boolean;
  /** Duration of the run in milliseconds. */
  readonly durationMs?: number;
  /** Time of the last change of the state, as RFC 3339. */
  readonly since?: string;
  readonly critical?: boolean;
  readonly groups?: readonly string[];
  /** Consecutive passes and failures, and the thresholds at which the state changes. */
  readonly passes?: number;
  readonly fails?: number;
  readonly rise?: number;
  readonly fall?: number;
  readonly [key: string]: unknown;
}
