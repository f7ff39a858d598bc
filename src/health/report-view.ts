/** A check, as a report tells it. Times in milliseconds, moments in wall time since 1970. */
export interface ToldCheck {
  readonly name: string;
  readonly state: string;
  readonly reason?: string;
  readonly output?: string;
  readonly since?: number;
  readonly ageMs?: number;
  readonly durationMs?: number;
  /** The result is older than the check's max age. */
  readonly stale: boolean;
  readonly critical: boolean;
  /** Good and bad results in a row, and how many of them change the state. */
  readonly passes: number;
  readonly fails: number;
  readonly rise: number;
  readonly fall: number;
}

/** A leaf of what is not well, as a report tells it. */
export interface ToldCause {
  readonly instance: string;
  readonly service?: string;
  /** The instances that it came through, the nearest to the leaf first; empty: it was seen where the report is from. */
  readonly via: readonly string[];
  readonly check?: string;
  readonly reason?: string;
  readonly output?: string;
}

/** A report (`protocol/report.schema.json`) that can be relied on. */
export interface ToldReport {
  readonly state: string;
  readonly instance: string;
  readonly service?: string;
  /** Its own moment. */
  readonly time?: number;
  readonly causes: readonly ToldCause[];
  readonly checks: readonly ToldCheck[];
}

/** The most of anything that is taken from a report. */
const MOST = 1000;

/** Reads a report of anyone's: what is not as expected is left out, never an error. Its texts may hold any character. */
export function readReport(report: unknown): ToldReport {
  const { state, status, instance, serviceId, time, causes, checks } = map(report);
  return {
    state: text(state) ?? text(status) ?? 'unknown',
    instance: text(instance) ?? '',
    ...optional('service', text(serviceId)),
    ...optional('time', moment(time)),
    causes: list(causes).map(readCause),
    checks: Object.entries(map(checks)).slice(0, MOST).map(readCheck),
  };
}

function readCheck([name, results]: [string, unknown]): ToldCheck {
  const told = map(list(results)[0]);
  return {
    name,
    state: text(told.state) ?? text(told.status) ?? 'unknown',
    ...optional('reason', text(told.reason)),
    ...optional('output', text(told.output)),
    ...optional('since', moment(told.since)),
    ...optional('ageMs', number(told.ageMs)),
    ...optional('durationMs', number(told.durationMs)),
    stale: told.stale === true,
    critical: told.critical !== false,
    passes: number(told.passes) ?? 0,
    fails: number(told.fails) ?? 0,
    rise: number(told.rise) ?? 1,
    fall: number(told.fall) ?? 1,
  };
}

function readCause(cause: unknown): ToldCause {
  const told = map(cause);
  return {
    instance: text(told.instance) ?? '',
    ...optional('service', text(told.service)),
    via: list(told.via).filter((hop) => typeof hop === 'string'),
    ...optional('check', text(told.check)),
    ...optional('reason', text(told.reason)),
    ...optional('output', text(told.output)),
  };
}

function optional<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

function map(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, MOST) : [];
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
