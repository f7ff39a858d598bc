import type { DefinedCheck } from '../defined-check.js';
import type { NormalizedResult } from '../result.js';

/** Records the runs of checks for a tracing system. */
export interface RunTracer {
  /** Called when a run starts. Never throws. */
  begin(check: DefinedCheck): RunTrace;
}

/** The record of one run. */
export interface RunTrace {
  /** Calls the check. Operations inside the call are recorded as part of the run. */
  within<T>(call: () => T): T;
  /** Called once: with the result, or without one if the run was aborted. Never throws. */
  end(result?: NormalizedResult): void;
}
