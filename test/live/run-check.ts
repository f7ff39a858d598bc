import { defineCheck } from '../../src/checks/define.js';
import { systemClock } from '../../src/common/clock.js';
import { redactor } from '../../src/common/redact.js';
import type { CheckDefinition, CheckFunction } from '../../src/health/check.js';
import { type NormalizedResult, ResultNormalizer } from '../../src/health/result.js';
import { Run } from '../../src/health/runs/run.js';

/** Result of a run as in a report, with its duration. */
export interface Outcome extends NormalizedResult {
  /** Milliseconds from the start to the result. */
  ms: number;
  /** Milliseconds from the result until the check has released its resources. */
  letGoMs: number;
}

/**
 * Runs a check once, as the registry would: loaded, with its timeout, and redacted. Resolves when the check has
 * released its resources.
 */
export async function runCheck(check: CheckDefinition | CheckFunction): Promise<Outcome> {
  const defined = defineCheck('trial', check);
  await defined.load?.();
  const findings = new ResultNormalizer(redactor(defined.secrets ?? []), 'this-instance');
  const started = performance.now();
  return new Promise((resolve) => {
    let finding: NormalizedResult | undefined;
    let endedAt = 0;
    let settledAt: number | undefined;
    const finish = () => {
      if (!finding || settledAt === undefined) return;
      resolve({ ...finding, ms: endedAt - started, letGoMs: Math.max(0, settledAt - endedAt) });
    };
    new Run(defined, 0, systemClock, findings, {
      end: (_, found) => {
        finding = found;
        endedAt = performance.now();
        finish();
      },
      settle: () => {
        settledAt = performance.now();
        finish();
      },
    }).begin();
  });
}
