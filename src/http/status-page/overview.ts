import { type Explanation, explain } from '../../health/explain.js';
import type { Answer } from '../../health/health.js';
import type { PastTransition } from '../../health/query/history.js';
import { parseReport } from '../../health/report-view.js';
import type { State } from '../../health/state.js';

/** What the status page shows beside the health; reading it runs no check. */
export interface Overview {
  /** What is known of a group now. */
  known(group: string): Answer;
  groups(): readonly string[];
  stateOf(group: string): State;
  /** The newest first. */
  readonly transitions: readonly PastTransition[];
  connections(): ConnectionCounts;
  /** Calls `listener` at each transition and each reload; returns what takes that back. */
  onTransition(listener: () => void): () => void;
  readonly version: string;
  readonly startedAt: Date;
}

export interface ConnectionCounts {
  readonly open: number;
  /** Those that are open, by what they speak. */
  readonly modes: Readonly<Record<'undecided' | 'binary' | 'line', number>>;
  /** PINGs that wait for an answer. */
  readonly waiting: number;
  /** Since the start, by reason. */
  readonly closed: Readonly<Record<string, number>>;
}

/** All that the page shows, as `GET /status.json` tells it. */
export interface Board {
  /** Of readiness, as a bare PING tells it. */
  readonly state: State;
  readonly explanation: Explanation;
  readonly groups: Readonly<Record<string, State>>;
  readonly connections: ConnectionCounts;
  readonly transitions: readonly PastTransition[];
  readonly version: string;
  readonly startedAt: Date;
  /** The other keys are those of a report, whose checks are all there are. */
  readonly [key: string]: unknown;
}

export function board({ overview }: { readonly overview: Overview }): Board {
  const readiness = overview.known('readiness');
  const report = parse(readiness);
  return {
    ...report,
    state: readiness.state,
    version: overview.version,
    startedAt: overview.startedAt,
    explanation: explain(parseReport(report)),
    groups: Object.fromEntries(overview.groups().map((group) => [group, overview.stateOf(group)])),
    checks: parse(overview.known('all')).checks,
    connections: overview.connections(),
    transitions: overview.transitions,
  };
}

function parse(answer: Answer): Record<string, unknown> {
  return JSON.parse(answer.report('full').toString()) as Record<string, unknown>;
}
