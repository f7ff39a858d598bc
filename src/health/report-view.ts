import { type ReportedFate, readFate } from './reported-fate.js';

/** A check in a report. Durations are in milliseconds, times in milliseconds since 1970 (wall clock). */
export interface ReportedCheck extends ReportedFate {
  readonly name: string;
  readonly target?: string;
  readonly state: string;
  readonly reason?: string;
  readonly output?: string;
  readonly since?: number;
  readonly ageMs?: number;
  readonly durationMs?: number;
  /** Whether the result exceeds the max age of the check. */
  readonly stale: boolean;
  readonly critical: boolean;
  /** Consecutive good and bad results, and the thresholds at which they change the state. */
  readonly passes: number;
  readonly fails: number;
  readonly rise: number;
  readonly fall: number;
}

/** A root cause in a report. */
export interface ReportedCause extends ReportedFate {
  readonly instance: string;
  readonly service?: string;
  /**
   * Instances that passed the cause on, starting with the one nearest to it. Empty if the reporting responder observed
   * the cause.
   */
  readonly via: readonly string[];
  /**
   * The check of the reporting responder whose result contains the cause; absent if the responder observed the cause
   * itself.
   */
  readonly through?: string;
  readonly check?: string;
  readonly target?: string;
  readonly state?: string;
  readonly reason?: string;
  readonly output?: string;
}

/** A validated report (`protocol/report.schema.json`). */
export interface ReportView {
  readonly state: string;
  readonly instance: string;
  readonly service?: string;
  /** Time of the report. */
  readonly time?: number;
  readonly causes: readonly ReportedCause[];
  readonly checks: readonly ReportedCheck[];
}

/** Maximum number of causes, checks and instances that are read. */
const MAX_ITEMS = 1000;

/**
 * Reads a report from another process. Missing and invalid fields are omitted. Never throws. The texts may contain any
 * character.
 *
 * @param maxChecks Maximum number of checks that are read; Infinity for a report of this process. Default 1000.
 */
export function parseReport(report: unknown, maxChecks = MAX_ITEMS): ReportView {
  const { state, status, instance, serviceId, time, causes, checks } = map(report);
  return {
    state: text(state) ?? text(status) ?? 'unknown',
    instance: text(instance) ?? '',
    ...optional('service', text(serviceId)),
    ...optional('time', moment(time)),
    causes: list(causes).map(readCause),
    checks: Object.entries(map(checks)).slice(0, maxChecks).map(readCheck),
  };
}

/**
 * The causes that are not checks of the report, such as a blocked event loop, in the form of checks, followed by its
 * checks.
 */
export function withOwnCauses({ causes, checks }: ReportView): ReportedCheck[] {
  const names = new Set(checks.map(({ name }) => name));
  const own = causes.flatMap(({ via, check, state = 'fail', reason, output }): ReportedCheck[] => {
    if (via.length > 0 || check === undefined || names.has(check)) return [];
    const counts = { passes: 0, fails: 1, rise: 1, fall: 1 };
    const why = { ...optional('reason', reason), ...optional('output', output) };
    return [{ name: check, state, ...why, stale: false, critical: true, ...counts }];
  });
  return [...own, ...checks];
}

function readCheck([name, results]: [string, unknown]): ReportedCheck {
  const fields = map(list(results)[0]);
  return {
    name,
    ...optional('target', text(fields.target)),
    state: text(fields.state) ?? text(fields.status) ?? 'unknown',
    ...optional('reason', text(fields.reason)),
    ...optional('output', text(fields.output)),
    ...readFate(fields),
    ...optional('since', moment(fields.since)),
    ...optional('ageMs', number(fields.ageMs)),
    ...optional('durationMs', number(fields.durationMs)),
    stale: fields.stale === true,
    critical: fields.critical !== false,
    passes: number(fields.passes) ?? 0,
    fails: number(fields.fails) ?? 0,
    rise: number(fields.rise) ?? 1,
    fall: number(fields.fall) ?? 1,
  };
}

function readCause(cause: unknown): ReportedCause {
  const fields = map(cause);
  return {
    instance: text(fields.instance) ?? '',
    ...optional('service', text(fields.service)),
    via: list(fields.via).filter((hop) => typeof hop === 'string'),
    ...optional('through', text(fields.through)),
    ...optional('check', text(fields.check)),
    ...optional('target', text(fields.target)),
    ...optional('state', text(fields.state)),
    ...optional('reason', text(fields.reason)),
    ...optional('output', text(fields.output)),
    ...readFate(fields),
  };
}

function optional<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

function map(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, MAX_ITEMS) : [];
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function moment(value: unknown): number | undefined {
  return typeof value === 'string' ? number(Date.parse(value)) : undefined;
}
