import type { CheckDefinition, CheckFunction } from './check.js';

/** A check with every setting filled in. */
export interface DefinedCheck extends CheckDefinition {
  readonly name: string;
  readonly timeout: number;
  readonly maxAge: number;
  readonly interval: number;
  readonly minInterval: number;
  readonly rise: number;
  readonly fall: number;
  readonly critical: boolean;
  readonly groups: readonly string[];
  /** What it was made of first. */
  readonly source: CheckDefinition | CheckFunction;
}

const settingKeys = ['timeout', 'maxAge', 'interval', 'minInterval', 'rise', 'fall', 'critical'] as const;

/** Whether two definitions of the same check are scheduled or counted in another way. */
export function hasOtherSettings(a: DefinedCheck, b: DefinedCheck): boolean {
  return settingKeys.some((key) => a[key] !== b[key]) || a.groups.join('\n') !== b.groups.join('\n');
}

/** The settings of `next` with the run of `running`, which is the same check. */
export function withRunOf(running: DefinedCheck, next: DefinedCheck): DefinedCheck {
  const { run, close, source } = running;
  return { ...next, run, source, ...(close && { close }) };
}

/** Whether both do the same, however they are scheduled. */
export function isSameCheck(a: DefinedCheck, b: DefinedCheck): boolean {
  return a.source === b.source || (a.kind === b.kind && a.identity !== undefined && a.identity === b.identity);
}
