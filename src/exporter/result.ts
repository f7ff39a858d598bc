import type { ReportedCheck } from '../health/report-view.js';
import type { State } from '../health/state.js';

/** Why a probe failed. A closed list, because it is a metric label. */
export const failureReasons = [
  'dns',
  'refused',
  'unreachable',
  'timeout',
  'reset',
  'tls',
  'auth',
  'protocol',
  'bad-status',
  'bad-body',
  'unhealthy',
  'internal',
] as const;
export type FailureReason = (typeof failureReasons)[number];

/** Thrown by a prober that knows the failure reason. */
export class ProbeFailure extends Error {
  constructor(
    readonly reason: FailureReason,
    message: string,
  ) {
    super(message);
  }
}

/** Result of a prober so far. Times are in milliseconds. */
export interface ProbeResult {
  /** Undefined if the probe succeeded. */
  failure?: { reason: FailureReason; description: string };
  lookupTime?: number;
  ipVersion?: 4 | 6;
  /** Earliest expiry in the certificate chain. */
  certificateExpiry?: Date;
  httpStatus?: number;
  /** Status returned by the target. */
  state?: State;
  rtt?: number;
  /** Age of the oldest result in the response. */
  resultAge?: number;
  checks?: readonly ReportedCheck[];
}

/** Failure of a target that responds with a status other than healthy. */
export function unhealthy(state: string): ProbeFailure {
  return new ProbeFailure('unhealthy', `the target status is ${state}`);
}

/** Arguments of a prober. */
export interface ProbeContext {
  readonly host: string;
  readonly port: number;
  /** Aborts at the deadline with a ProbeFailure. */
  readonly signal: AbortSignal;
  /** Time from the start of the probe to its deadline, in milliseconds. */
  readonly timeout: number;
  /** Filled during the probe, so that a failure keeps partial results. */
  readonly result: ProbeResult;
  /** Adds a line to the probe's log. Secrets are redacted. */
  note(description: string): void;
}
