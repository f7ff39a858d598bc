import type { CheckDefinition, CheckFunction, CheckSettings } from './check.js';

/** A check with all settings, after the defaults have been applied. */
export interface DefinedCheck extends Omit<CheckDefinition, keyof CheckSettings>, Readonly<Required<CheckSettings>> {
  readonly name: string;
  /** The definition or function as passed by the user. */
  readonly source: CheckDefinition | CheckFunction;
}

/** Typed by `CheckSettings`, so that the compiler detects a missing setting. */
const settingKeys = Object.keys({
  timeout: true,
  maxAge: true,
  interval: true,
  minInterval: true,
  rise: true,
  fall: true,
  critical: true,
  onShared: true,
  groups: true,
} satisfies Record<keyof CheckSettings, true>) as (keyof CheckSettings)[];

/** Whether the settings of two definitions of the same check differ. */
export function hasOtherSettings(a: DefinedCheck, b: DefinedCheck): boolean {
  // A line break separates group names unambiguously, because they may contain a comma but no white space.
  const text = (value: unknown) => (Array.isArray(value) ? value.join('\n') : value);
  return settingKeys.some((key) => text(a[key]) !== text(b[key]));
}

/** Returns the settings of `next` with the implementation of `running`, which is the same check. */
export function withRunOf(running: DefinedCheck, next: DefinedCheck): DefinedCheck {
  const { run, close, source } = running;
  return { ...next, run, source, ...(close && { close }) };
}

/** Whether two definitions are the same check, regardless of their settings. */
export function isSameCheck(a: DefinedCheck, b: DefinedCheck): boolean {
  return a.source === b.source || (a.kind === b.kind && a.identity !== undefined && a.identity === b.identity);
}
