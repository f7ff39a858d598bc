import { type Explanation, explain } from '../../health/explain.js';
import type { Answer } from '../../health/health.js';
import type { HistoryView } from '../../health/history/health-history.js';
import type { PastTransition } from '../../health/query/recent-transitions.js';
import type { CheckView } from '../../health/query/registry.js';
import { parseReport } from '../../health/report-view.js';
import type { State } from '../../health/state.js';

/** The data of the status page. Reading it runs no check. */
export interface Overview {
  /** The latest known status of a group. */
  known(group: string): Answer;
  groups(): readonly string[];
  stateOf(group: string): State;
  checks(): readonly Pick<CheckView, 'name' | 'kind'>[];
  /** Newest first. */
  readonly transitions: readonly PastTransition[];
  readonly history: HistoryView;
  connections(): ConnectionCounts;
  /** Calls `listener` on each transition and each reload. Returns a function that unsubscribes it. */
  onTransition(listener: () => void): () => void;
  readonly version: string;
  readonly startedAt: Date;
}

export interface ConnectionCounts {
  readonly open: number;
  /** Open connections by protocol mode. */
  readonly modes: Readonly<Record<'undecided' | 'binary' | 'line', number>>;
  /** Number of unanswered PINGs. */
  readonly waiting: number;
  /** Number of closed connections since the start, by reason. */
  readonly closed: Readonly<Record<string, number>>;
}

/** Everything that the page shows. Together with the history, it is the body of `GET /status.json`. */
export interface Board {
  /** The readiness status that a bare PING returns. */
  readonly state: State;
  readonly explanation: Explanation;
  readonly groups: Readonly<Record<string, State>>;
  readonly connections: ConnectionCounts;
  readonly transitions: readonly PastTransition[];
  readonly version: string;
  readonly startedAt: Date;
  /** Checks by name, as in a report, with the kind of each check. */
  readonly checks: Readonly<Record<string, readonly [BoardCheck]>>;
  /** The other keys are those of a report of all checks. */
  readonly [key: string]: unknown;
}

export interface BoardCheck {
  readonly kind?: string;
  /** What the check contacts or measures, without credentials. */
  readonly target?: string;
  /** As in a report. */
  readonly time?: string;
  readonly observedValue?: unknown;
  readonly observedUnit?: string | Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}

export function board({ overview }: { readonly overview: Overview }): Board {
  const readiness = overview.known('readiness');
  const report = parse(readiness);
  const checks = (parse(overview.known('all')).checks ?? {}) as Record<string, [{ kind?: string }]>;
  for (const { name, kind } of overview.checks()) {
    const entry = checks[name]?.[0];
    // Faster than copying each entry.
    if (entry) entry.kind = kind;
  }
  return {
    ...report,
    state: readiness.state,
    version: overview.version,
    startedAt: overview.startedAt,
    explanation: explain(parseReport(report, Number.POSITIVE_INFINITY)),
    groups: Object.fromEntries(overview.groups().map((group) => [group, overview.stateOf(group)])),
    checks,
    connections: overview.connections(),
    transitions: overview.transitions,
  };
}

/** The names of the checks of a group. */
export function checksOf(group: string, { overview }: { readonly overview: Overview }): ReadonlySet<string> {
  return new Set(Object.keys((parse(overview.known(group)).checks ?? {}) as object));
}

function parse(answer: Answer): Record<string, unknown> {
  return JSON.parse(answer.report('full').toString()) as Record<string, unknown>;
}
