import { defineCheck } from '../../src/checks/define.js';
import type { CheckDefinition, CheckFunction } from '../../src/health/check.js';
import type { DefinedCheck } from '../../src/health/defined-check.js';

export type Checks = Readonly<Record<string, CheckDefinition | CheckFunction>>;

/** Converts the checks to the form that a registry requires. */
export function defined(checks: Checks): DefinedCheck[] {
  return Object.entries(checks).map(([name, check]) => defineCheck(name, check));
}
