import type { CheckDefinition, CheckFunction } from './check.js';

/** A check with all settings, after defaults. */
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
  /** The definition or function originally passed by the user. */
  readonly source: CheckDefinition | CheckFunction;
}

const settingKeys = ['timeout', 'maxAge', 'interval', 'minInterval', 'rise', 'fall', 'critical'] as const;

/** Whether the settings of two definitions of the same check differ. */
export function hasOtherSettings(a: DefinedCheck, b: DefinedCheck): boolean {
  return settingKeys.some((key) => a[key] !== b[key]) || a.groups.join('\n') !== b.groups.join('\n');
}

/** The settings of `next` with the implementation of `running`, which is the same check. */
export function withRunOf(running: DefinedCheck, next: DefinedCheck): DefinedCheck {
  const { run, close, source } = running;
  return { ...next, run, source, ...(close && { close }) };
}

/** Whether two definitions are the same check, regardless of their settings. */
export function isSameCheck(a: DefinedCheck, b: DefinedCheck): boolean {
  return a.source === b.source || (a.kind === b.kind && a.identity !== undefined && a.identity === b.identity);
}
