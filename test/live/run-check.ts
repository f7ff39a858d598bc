import { defineCheck } from '../../src/checks/define.js';
import { systemClock } from '../../src/common/clock.js';
import { redactor } from '../../src/common/redact.js';
import type { CheckDefinition, CheckFunction } from '../../src/health/check.js';
import { type NormalizedResult, ResultNormalizer } from '../../src/health/result.js';
import { Run } from '../../src/health/runs/run.js';

/** What a run found out, as a report would show it, and how long it took. */
export interface Outcome extends NormalizedResult {
  /** Milliseconds until the finding stood. */
  ms: number;
  /** Milliseconds from then until the check had let go of what it held. */
  letGoMs: number;
}

/** Runs a check once, as the registry would: loaded, with its timeout, and redacted. Resolves when the check has let go. */
export async function runCheck(check: CheckDefinition | CheckFunction): Promise<Outcome> {
  const defined = defineCheck('trial', check);
  await defined.load?.();
  const findings = new ResultNormalizer(redactor(defined.secrets ?? []), 'this-instance');
  const started = performance.now();
  return new Promise((resolve) => {
    let finding: NormalizedResult | undefined;
    let endedAt = 0;
    let settledAt: number | undefined;
    const told = () => {
      if (!finding || settledAt === undefined) return;
      resolve({ ...finding, ms: endedAt - started, letGoMs: Math.max(0, settledAt - endedAt) });
    };
    new Run(defined, 0, systemClock, findings, {
      end: (_, found) => {
        finding = found;
        endedAt = performance.now();
        told();
      },
      settle: () => {
        settledAt = performance.now();
        told();
      },
    }).begin();
  });
}
