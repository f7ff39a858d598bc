import { printable } from './terminal.js';

/** What a report says of one check, safe to print. */
export interface CheckLine {
  name: string;
  state: string;
  reason?: string;
  output?: string;
  /** How long its last run took, in milliseconds. */
  durationMs?: number;
}

const MAX_LINES = 100;

/**
 * The checks of a report, or its causes where it has no checks. A peer wrote
 * it: whatever is not as expected is left out, and every text is made
 * printable.
 */
export function checkLines(report: Readonly<Record<string, unknown>> | undefined): CheckLine[] {
  if (report === undefined) return [];
  const checks = Object.entries(asMap(report.checks));
  const lines = checks.length > 0 ? checks.map(lineOfCheck) : asList(report.causes).map(lineOfCause);
  return lines.slice(0, MAX_LINES);
}

function lineOfCheck([name, results]: [string, unknown]): CheckLine {
  const { state, status, reason, output, durationMs } = asMap(asList(results)[0]);
  return {
    name: printable(name, 64),
    state: word(state) ?? word(status) ?? 'unknown',
    ...why(reason, output),
    ...(typeof durationMs === 'number' && { durationMs }),
  };
}

function lineOfCause(cause: unknown): CheckLine {
  const { check, instance, reason, output } = asMap(cause);
  return { name: word(check) ?? word(instance) ?? 'unknown', state: 'fail', ...why(reason, output) };
}

function why(reason: unknown, output: unknown): { reason?: string; output?: string } {
  const said = word(reason);
  const told = typeof output === 'string' && output !== '' ? printable(output) : undefined;
  return { ...(said !== undefined && { reason: said }), ...(told !== undefined && { output: told }) };
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
