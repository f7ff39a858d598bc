import type { ReportedCheck } from '../health/report-view.js';
import type { State } from '../health/state.js';

/** Why a probe failed: a closed list, because it is a metric label. */
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

/** What a probe throws that knows why it failed. */
export class ProbeFailure extends Error {
  constructor(
    readonly reason: FailureReason,
    message: string,
  ) {
    super(message);
  }
}

/** What one probe found out, as far as it came. Times in milliseconds. */
export interface ProbeResult {
  /** undefined: it succeeded. */
  failure?: { reason: FailureReason; description: string };
  lookupTime?: number;
  ipVersion?: 4 | 6;
  /** When the first certificate of the chain expires. */
  certificateExpiry?: Date;
  httpStatus?: number;
  /** What the target says of itself. */
  state?: State;
  rtt?: number;
  /** Age of the oldest result that the answer counts. */
  resultAge?: number;
  checks?: readonly ReportedCheck[];
}

/** Everything that a prober is handed. */
export interface ProbeContext {
  readonly host: string;
  readonly port: number;
  /** Aborts at the deadline, with a ProbeFailure. */
  readonly signal: AbortSignal;
  /** How long the probe may take from its start, in milliseconds. */
  readonly timeout: number;
  /** Written to as the probe goes on, so that what was found out stands when it fails. */
  readonly result: ProbeResult;
  /** Says what is being done, for who debugs. Never a secret. */
  note(description: string): void;
}
