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

/** Thrown by a prober that knows the reason of the failure. */
export class ProbeFailure extends Error {
  constructor(
    readonly reason: FailureReason,
    message: string,
  ) {
    super(message);
  }
}

/** The result of a prober so far. Times in milliseconds. */
export interface ProbeResult {
  /** Undefined if the probe succeeded. */
  failure?: { reason: FailureReason; description: string };
  lookupTime?: number;
  ipVersion?: 4 | 6;
  /** The earliest expiry of the certificate chain. */
  certificateExpiry?: Date;
  httpStatus?: number;
  /** The status that the target returned. */
  state?: State;
  rtt?: number;
  /** Age of the oldest result in the response. */
  resultAge?: number;
  checks?: readonly ReportedCheck[];
}

/** The failure of a target that responds with a bad status. */
export function unhealthy(state: string): ProbeFailure {
  return new ProbeFailure('unhealthy', `the target status is ${state}`);
}

/** Arguments of a prober. */
export interface ProbeContext {
  readonly host: string;
  readonly port: number;
  /** Aborts at the deadline, with a ProbeFailure. */
  readonly signal: AbortSignal;
  /** Time from the start of the probe to its deadline, in milliseconds. */
  readonly timeout: number;
  /** Filled in during the probe, so that partial results survive a failure. */
  readonly result: ProbeResult;
  /** Adds a line to the log of the probe. Secrets are redacted. */
  note(description: string): void;
}
