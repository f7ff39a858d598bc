import { type ReportedFate, readFate } from '../health/reported-fate.js';
import { printable } from './terminal.js';

/** The result of one check in a report, safe to print. */
export interface CheckLine extends ReportedFate {
  name: string;
  state: string;
  reason?: string;
  output?: string;
  /** Duration of the last run in milliseconds. */
  durationMs?: number;
}

const MAX_LINES = 100;

/**
 * Reads the checks in a report, and the causes that are not checks, such as a blocked event loop. If the report
 * contains no checks, reads all causes. The report comes from a peer: unexpected values are omitted, and texts are made
 * printable.
 */
export function checkLines(report: Readonly<Record<string, unknown>> | undefined): CheckLine[] {
  if (report === undefined) return [];
  const checks = asMap(report.checks);
  const entries = Object.entries(checks);
  const causes = asList(report.causes).map(asMap);
  const isOwn = ({ check, via }: Readonly<Record<string, unknown>>) =>
    asList(via).length === 0 && !Object.hasOwn(checks, String(check));
  const shown = entries.length > 0 ? causes.filter(isOwn) : causes;
  return [...shown.map(lineOfCause), ...entries.map(lineOfCheck)].slice(0, MAX_LINES);
}

/**
 * The checks that do not pass with their reasons: `db=timeout`, or `db=timeout (shared)` if the check fails on peers
 * too.
 */
export function failingMarks(lines: readonly CheckLine[]): string[] {
  return lines
    .filter(({ state }) => state !== 'pass')
    .map(({ name, reason, fate }) => {
      const isKnown = fate === 'shared' || fate === 'local';
      return `${name}=${reason ?? 'unknown'}${isKnown ? ` (${fate})` : ''}`;
    });
}

function lineOfCheck([name, results]: [string, unknown]): CheckLine {
  const fields = asMap(asList(results)[0]);
  const { state, status, durationMs } = fields;
  return {
    name: printable(name, 64),
    state: word(state) ?? word(status) ?? 'unknown',
    ...whyOf(fields),
    ...(typeof durationMs === 'number' && { durationMs }),
  };
}

function lineOfCause(cause: Readonly<Record<string, unknown>>): CheckLine {
  const { check, instance } = cause;
  return { name: word(check) ?? word(instance) ?? 'unknown', state: 'fail', ...whyOf(cause) };
}

function whyOf(fields: Readonly<Record<string, unknown>>): Pick<CheckLine, 'reason' | 'output' | 'fate' | 'peers'> {
  const { reason, output } = fields;
  const name = word(reason);
  const text = typeof output === 'string' && output !== '' ? printable(output) : undefined;
  return {
    ...(name !== undefined && { reason: name }),
    ...(text !== undefined && { output: text }),
    ...readFate(fields),
  };
}

function word(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? printable(value, 64) : undefined;
}

function asMap(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
