import type { State } from '../health/state.js';

/**
 * A report from a peer, as described in `protocol/report.schema.json`. It is not validated: keys may be missing or
 * unknown, and types may differ.
 */
export interface Report {
  /** Status for application/health+json: draining, starting, unknown and not-found map to fail. */
  readonly status?: 'pass' | 'warn' | 'fail';
  readonly state?: State;
  /** Random id of the process, which changes at each start. */
  readonly instance?: string;
  readonly serviceId?: string;
  readonly releaseId?: string;
  /** Creation time of the report, in RFC 3339 format. */
  readonly time?: string;
  /** Root causes of the state, worst first, including those reported by other responders. */
  readonly causes?: readonly ReportCause[];
  /** Results by check name, each an array with one element. Absent if the PONG is `truncated`. */
  readonly checks?: Readonly<Record<string, readonly ReportCheck[]>>;
  readonly [key: string]: unknown;
}

/** A root cause of the state of a responder. */
export interface ReportCause {
  /** Instance id of the process that observed the cause. */
  readonly instance?: string;
  /** Service id of that instance. */
  readonly service?: string;
  /** Instances that passed the cause on, starting with the one nearest to it. */
  readonly via?: readonly string[];
  /** The check that received the cause, at the responder that sent this report. Absent if `via` is empty. */
  readonly through?: string;
  readonly check?: string;
  /** What `check` contacts or measures, without credentials. */
  readonly target?: string;
  /** Effect of the cause on the state of the responder that sent this report. */
  readonly state?: 'warn' | 'fail' | 'unknown';
  /** Reported reason. Treat an unknown value as custom. */
  readonly reason?: string;
  readonly output?: string;
  /** Whether other instances of `service` have the same failure, if they were queried. */
  readonly fate?: 'shared' | 'local' | 'unknown';
  readonly peers?: ReportPeers;
  readonly [key: string]: unknown;
}

/** Answers of the other instances that were queried about a failure. */
export interface ReportPeers {
  /** Number of queried instances. */
  readonly asked?: number;
  /** Number of answers that count. */
  readonly answered?: number;
  /** Number of counted answers that report the same failure. */
  readonly failing?: number;
}

/** The latest result of a check. */
export interface ReportCheck {
  readonly status?: 'pass' | 'warn' | 'fail';
  readonly state?: 'pass' | 'warn' | 'fail' | 'unknown';
  readonly componentType?: string;
  /** What the check contacts or measures, such as `redis://127.0.0.1:6379`, without credentials. */
  readonly target?: string;
  /** Start of the run, in RFC 3339 format. Absent if no run has finished. */
  readonly time?: string;
  /** Measured value, or several values by name. */
  readonly observedValue?: string | number | boolean | Readonly<Record<string, string | number | boolean>>;
  /** Unit of all values, or one unit per name. */
  readonly observedUnit?: string | Readonly<Record<string, string>>;
  readonly output?: string;
  readonly reason?: string;
  /** Whether other instances of the service have the same failure, if they were queried. */
  readonly fate?: 'shared' | 'local' | 'unknown';
  readonly peers?: ReportPeers;
  /** Time from the start of the run to the creation of the report, in milliseconds. Absent if no run has finished. */
  readonly ageMs?: number;
  /** Whether the result is older than the maximum age of the check. */
  readonly stale?: boolean;
  /** Duration of the run in milliseconds. */
  readonly durationMs?: number;
  /** Time of the last state change, in RFC 3339 format. */
  readonly since?: string;
  readonly critical?: boolean;
  readonly groups?: readonly string[];
  /** Number of consecutive good results. */
  readonly passes?: number;
  /** Number of consecutive bad results. */
  readonly fails?: number;
  /** Consecutive good results after which a bad check counts as good. */
  readonly rise?: number;
  /** Consecutive bad results after which a good check counts as bad. */
  readonly fall?: number;
  readonly [key: string]: unknown;
}
