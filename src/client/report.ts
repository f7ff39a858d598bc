import type { State } from '../health/state.js';

/**
 * The report of a peer, as `protocol/report.schema.json` has it. The peer wrote it, and nobody has judged it here: any key can
 * be missing, others can be there, and of a stranger even a type can be another one.
 */
export interface Report {
  /** The state for readers of application/health+json: draining, starting, unknown and not-found are fail. */
  readonly status?: 'pass' | 'warn' | 'fail';
  readonly state?: State;
  /** Random per start of the process. */
  readonly instance?: string;
  readonly serviceId?: string;
  readonly releaseId?: string;
  /** The moment in which it was written, as RFC 3339. */
  readonly time?: string;
  /** The leaves of what is not well, the worst first, through other responders too. */
  readonly causes?: readonly ReportCause[];
  /** By name; each an array of one. Left out where the PONG is `truncated`. */
  readonly checks?: Readonly<Record<string, readonly ReportCheck[]>>;
  readonly [key: string]: unknown;
}

/** A leaf of what is not well. */
export interface ReportCause {
  /** Where it was seen. */
  readonly instance?: string;
  /** How the service of that instance is called. */
  readonly service?: string;
  /** The instances that it came through, the nearest to the leaf first. */
  readonly via?: readonly string[];
  readonly check?: string;
  /** What it makes of the responder that tells it. */
  readonly state?: 'warn' | 'fail' | 'unknown';
  /** As that responder says it; an unknown one counts as custom. */
  readonly reason?: string;
  readonly output?: string;
  readonly [key: string]: unknown;
}

/** The latest result of one check. */
export interface ReportCheck {
  readonly status?: 'pass' | 'warn' | 'fail';
  readonly state?: 'pass' | 'warn' | 'fail' | 'unknown';
  readonly componentType?: string;
  /** The start of the run that found this out, as RFC 3339. */
  readonly time?: string;
  readonly observedValue?: string | number | boolean;
  readonly observedUnit?: string;
  readonly output?: string;
  readonly reason?: string;
  /** Milliseconds from the start of that run to the time of the report. */
  readonly ageMs?: number;
  /** The result is older than the check's max age. */
  readonly stale?: boolean;
  /** Milliseconds that the run took. */
  readonly durationMs?: number;
  /** Since when the state is what it is, as RFC 3339. */
  readonly since?: string;
  readonly critical?: boolean;
  readonly groups?: readonly string[];
  /** Good and bad results in a row, and how many of them change the state. */
  readonly passes?: number;
  readonly fails?: number;
  readonly rise?: number;
  readonly fall?: number;
  readonly [key: string]: unknown;
}
