import { printable } from '../common/printable.js';
import { sinceOf } from '../health/explain.js';
import { parseReport, type ReportView } from '../health/report-view.js';
import { effectiveState, type State } from '../health/state.js';

/** Maximum counts and lengths that are kept per report, so that a responder cannot exhaust memory. */
const MAX_CAUSES = 8;
const MAX_FAILING = 16;
const MAX_NAME = 64;
const MAX_OUTPUT = 200;

/** A root cause as reported by one responder. */
export interface ResponderCause {
  readonly state: 'warn' | 'fail' | 'unknown';
  readonly check: string;
  readonly reason?: string;
  readonly output?: string;
  /** The service or instance that observed the cause, if the responder did not observe it itself. */
  readonly of?: string;
}

/** The part of a report that is kept. Each text is truncated, escaped and on one line. */
export interface Digest {
  readonly service?: string;
  readonly instance?: string;
  readonly causes: readonly ResponderCause[];
  /** Names of the checks that do not pass. */
  readonly failing: readonly string[];
  /** Time since the current state began, in milliseconds by the responder's clock; undefined if unknown. */
  readonly age?: number;
}

/** Extracts the digest from the report of a responder in this state. The report may contain anything. */
export function digest(state: State, report: unknown): Digest {
  const view = parseReport(report);
  const { service, instance, causes, checks } = view;
  const age = ageOf({ ...view, state });
  return {
    ...(service !== undefined && { service: printable(service, MAX_NAME) }),
    ...(instance !== '' && { instance: printable(instance, MAX_NAME) }),
    causes: causes.slice(0, MAX_CAUSES).map((cause): ResponderCause => {
      const { check = 'an unnamed check', reason, output, via } = cause;
      return {
        state: cause.state === 'warn' || cause.state === 'unknown' ? cause.state : 'fail',
        check: printable(check, MAX_NAME),
        ...(reason !== undefined && { reason: printable(reason, MAX_NAME) }),
        ...(output !== undefined && { output: printable(output, MAX_OUTPUT) }),
        ...(via.length > 0 && { of: printable(cause.service ?? cause.instance, MAX_NAME) }),
      };
    }),
    failing: checks
      .filter((check) => check.state !== 'pass')
      .slice(0, MAX_FAILING)
      .map(({ name }) => printable(name, MAX_NAME)),
    ...(age !== undefined && { age }),
  };
}

/** Uses only times from one clock, because the clock of the responder may differ from that of this process. */
function ageOf(view: ReportView): number | undefined {
  const { state, time, checks } = view;
  const counted = checks.filter((check) => effectiveState(check) !== undefined);
  const since = state === 'pass' ? latest(counted.map((check) => check.since)) : sinceOf(view);
  if (since === undefined || time === undefined) return undefined;
  return Math.max(0, time - since);
}

function latest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
