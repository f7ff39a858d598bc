import { PongcheckError } from '../errors.js';
import type { CheckDefinition, CheckFunction, CheckResult } from './check.js';
import { redactor } from './redact.js';

/** The longest time that a timer takes, in milliseconds: about 25 days. */
const MAX_MILLISECONDS = 2_147_483_647;

/** The longest kind and component type, in characters. */
const MAX_NAME = 64;

/** A check with every setting decided. */
export interface DefinedCheck extends CheckDefinition {
  readonly name: string;
  readonly timeout: number;
  readonly maxAge: number;
  readonly interval: number;
  readonly floor: number;
  readonly rise: number;
  readonly fall: number;
  readonly critical: boolean;
  readonly groups: readonly string[];
  /** What it was made of first. */
  readonly source: CheckDefinition | CheckFunction;
}

const settingKeys = ['timeout', 'maxAge', 'interval', 'floor', 'rise', 'fall', 'critical'] as const;

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

/**
 * Decides every setting of a check and refuses what makes no sense.
 *
 * @param definition a check of a kind, or a function: it passes when it
 *   returns nothing, true or a result that says pass, and fails when it
 *   returns false or throws.
 * @throws PongcheckError `PONGCHECK_CHECK`, naming the check, the key, what was found and what is allowed.
 */
export function defineCheck(name: string, definition: CheckDefinition | CheckFunction): DefinedCheck {
  if (!/^[^\s\p{C}=]{1,64}$/u.test(name)) {
    throw refusal(name, 'its name', name, '1 to 64 characters without white space, control characters and "="');
  }
  try {
    return readDefinition(name, definition);
  } catch (error) {
    if (error instanceof PongcheckError) throw error;
    const why = redactor([])(error);
    throw new PongcheckError(
      'PONGCHECK_CHECK',
      `check ${JSON.stringify(name)}: its definition cannot be read (${why})`,
    );
  }
}

function readDefinition(name: string, definition: CheckDefinition | CheckFunction): DefinedCheck {
  const given = typeof definition === 'function' ? fromFunction(definition) : definition;
  if (typeof given !== 'object' || given === null || typeof given.run !== 'function') {
    throw refusal(name, 'its definition', given, 'a function, or an object with a function `run`');
  }
  const timeout = milliseconds(name, 'timeout', given.timeout, 1, 800);
  const floor = milliseconds(name, 'floor', given.floor, 1, 100);
  const interval = milliseconds(name, 'interval', given.interval, 0, 5000);
  if (interval > 0 && interval < floor) {
    throw refusal(name, 'interval', interval, `0 for on demand only, or at least the floor of ${floor} ms`);
  }
  // Results of such an interval are always fresh enough, so that no caller waits for a run.
  const followed = given.interval !== undefined && interval > 0;
  return {
    ...given,
    name,
    kind: text(name, 'kind', given.kind),
    ...(given.componentType !== undefined && { componentType: text(name, 'componentType', given.componentType) }),
    run: (signal, deadline, hops, connected) => given.run(signal, deadline, hops, connected),
    ...(given.load && { load: () => given.load?.() }),
    ...(given.close && { close: () => given.close?.() }),
    timeout,
    floor,
    interval,
    maxAge: milliseconds(name, 'maxAge', given.maxAge, 0, followed ? interval + timeout : 1000),
    rise: count(name, 'rise', given.rise),
    fall: count(name, 'fall', given.fall),
    critical: flag(name, 'critical', given.critical),
    groups: groupNames(name, given.groups),
    secrets: secretStrings(name, given.secrets),
    // One that is defined already stays what it is.
    source: (given as Partial<DefinedCheck>).source ?? definition,
  };
}

function fromFunction(check: CheckFunction): CheckDefinition {
  // Whatever it returns is judged when it has (`Findings`).
  return { kind: 'function', run: async (signal) => (await check(signal)) as CheckResult };
}

function refusal(check: string, key: string, found: unknown, allowed: string): PongcheckError {
  const shown = typeof found === 'string' ? JSON.stringify(found.slice(0, 80)) : describe(found);
  return new PongcheckError(
    'PONGCHECK_CHECK',
    `check ${JSON.stringify(check)}: ${key} is ${shown}; allowed: ${allowed}`,
  );
}

function describe(found: unknown): string {
  if (found === null || typeof found !== 'object') return String(found);
  return Array.isArray(found) ? 'an array' : 'an object';
}

function milliseconds(check: string, key: string, value: unknown, least: number, absent: number): number {
  if (value === undefined) return absent;
  if (typeof value !== 'number' || !(value >= least && value <= MAX_MILLISECONDS)) {
    throw refusal(check, key, value, `a number of milliseconds from ${least} to ${MAX_MILLISECONDS}`);
  }
  return value;
}

function count(check: string, key: string, value: unknown): number {
  if (value === undefined) return 1;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) {
    throw refusal(check, key, value, 'a whole number from 1');
  }
  return value;
}

function flag(check: string, key: string, value: unknown): boolean {
  if (value !== undefined && typeof value !== 'boolean') throw refusal(check, key, value, 'true or false');
  return value ?? true;
}

function text(check: string, key: string, value: unknown): string {
  if (typeof value !== 'string' || value === '' || value.length > MAX_NAME) {
    throw refusal(check, key, value, `a name of 1 to ${MAX_NAME} characters`);
  }
  return value;
}

function secretStrings(check: string, value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every((secret) => typeof secret === 'string')) return value;
  throw refusal(check, 'secrets', Array.isArray(value) ? value : typeof value, 'an array of strings');
}

function groupNames(check: string, value: unknown): readonly string[] {
  if (value === undefined) return ['readiness'];
  if (!Array.isArray(value)) throw refusal(check, 'groups', value, 'an array of names');
  for (const group of value) {
    if (typeof group !== 'string' || !/^[^\s\p{C}=]{1,64}$/u.test(group)) {
      throw refusal(check, 'groups', group, 'names of 1 to 64 characters without white space');
    }
    if (group === 'liveness') throw refusal(check, 'groups', group, 'any other name: liveness never runs a check');
  }
  return [...new Set<string>(value)];
}
