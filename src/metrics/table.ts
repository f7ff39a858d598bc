import type { Histogram } from '../common/histogram.js';
import type { Log } from '../common/log.js';
import { type Scope, scopes } from '../health/health.js';
import type { CheckView } from '../health/query/registry.js';
import { type Reason, reasons } from '../health/reason.js';
import { checkStates, type State, states } from '../health/state.js';
import { closeReasons, pauses, rejectReasons, type ServerStats } from '../server/stats.js';
import { WireError } from '../wire/codes.js';
import type { LoopWatch } from './event-loop.js';
import { type HttpStats, httpCloseReasons, httpRefusals } from './http-stats.js';
import type { Reloads } from './reloads.js';

/** What the metrics are read from when they are scraped; reading runs no check. */
export interface Source {
  readonly health: {
    readonly checks: readonly CheckView[];
    groups(): readonly string[];
    stateOf(group: string): State;
    readonly watchedSelections: number;
  };
  readonly stats: ServerStats;
  readonly http: HttpStats;
  readonly reloads: Pick<Reloads, 'counts' | 'isLastSuccessful' | 'lastSuccess'>;
  readonly loop: Pick<LoopWatch, 'delay' | 'busy'>;
  /** Connections that may be open at once. */
  maxConnections(): number;
  readonly log: Pick<Log, 'droppedLines'>;
  /** Version of this package. */
  readonly version: string;
}

export type Labels = Readonly<Record<string, string>>;
/** One series of a metric: its labels and what it is at now. */
export type Series<V> = readonly [labels: Labels, value: V];

interface Row {
  readonly name: string;
  /** One sentence for people; of what is measured it tells the unit. */
  readonly help: string;
  readonly labels: readonly string[];
}

interface NumberRow extends Row {
  readonly type: 'counter' | 'gauge';
  /** Every series there is, those at zero included. */
  read(source: Source): Iterable<Series<number>>;
}

interface HistogramRow extends Row {
  readonly type: 'histogram';
  read(source: Source): Iterable<Series<Histogram>>;
}

export type MetricRow = NumberRow | HistogramRow;

/** States that a group that exists can be in. */
const groupStates = states.filter((state) => state !== 'not-found');
const reasonNames = Object.keys(reasons) as Reason[];
/** Error codes of the wire with the names under which people know them, such as `too-large`. */
const errorNames = Object.entries(WireError).map(
  ([name, code]) => [name.toLowerCase().replaceAll('_', '-'), code] as const,
);

/** The only series of a metric without labels. */
function single<V>(value: V): Series<V>[] {
  return [[{}, value]];
}

/** One series for each key of a record. */
function each<K extends string>(label: string, keys: readonly K[], counts: Readonly<Record<K, number>>) {
  return keys.map((key): Series<number> => [{ [label]: key }, counts[key]]);
}

/** One series for each value that a label can have, 1 for the one that is. */
function oneHot(labels: Labels, label: string, possible: readonly string[], is: string | undefined): Series<number>[] {
  return possible.map((value) => [{ ...labels, [label]: value }, value === is ? 1 : 0]);
}

const shownReasons = new WeakMap<object, Set<string>>();

/**
 * The reasons that a check has, or had at a scrape before. With all of them for each check they would be a third of a
 * scrape, and nearly all of them zero for good.
 */
function reasonsShown({ stats, reason }: CheckView): readonly string[] {
  const shown = shownReasons.get(stats) ?? new Set();
  shownReasons.set(stats, reason === undefined ? shown : shown.add(reason));
  return [...shown];
}

function eachCheck<V>({ health }: Source, value: (check: CheckView) => V): Series<V>[] {
  return health.checks.map((check) => [{ check: check.name }, value(check)]);
}

/**
 * Every metric there is, in the order in which it is shown. Labels come from the
 * configuration and from closed lists, never from a peer, so that strangers
 * cannot make series.
 */
export const metricRows: readonly MetricRow[] = [
  {
    name: 'pongcheck_build_info',
    type: 'gauge',
    help: 'Always 1; the labels tell the version of pongcheck and that of Node.js.',
    labels: ['version', 'node'],
    read: ({ version }) => [[{ version, node: process.version }, 1]],
  },
  {
    name: 'pongcheck_config_reloads_total',
    type: 'counter',
    help: 'Reloads of the configuration, by result; one that fails changes nothing.',
    labels: ['result'],
    read: ({ reloads }) => each('result', ['success', 'failure'], reloads.counts),
  },
  {
    name: 'pongcheck_config_last_reload_successful',
    type: 'gauge',
    help: '1 where the last reload of the configuration succeeded, or none was tried; 0 where it failed.',
    labels: [],
    read: ({ reloads }) => single(reloads.isLastSuccessful ? 1 : 0),
  },
  {
    name: 'pongcheck_config_last_reload_success_timestamp_seconds',
    type: 'gauge',
    help: 'Time since when the configuration holds that is in force, in seconds since 1970.',
    labels: [],
    read: ({ reloads }) => single(reloads.lastSuccess),
  },
  {
    name: 'pongcheck_group_status',
    type: 'gauge',
    help: '1 for the status that a group of checks has, 0 for the others.',
    labels: ['group', 'status'],
    read: ({ health }) =>
      health.groups().flatMap((group) => oneHot({ group }, 'status', groupStates, health.stateOf(group))),
  },
  {
    name: 'pongcheck_check_info',
    type: 'gauge',
    help: 'Always 1; the labels tell the kind of a check and whether it is critical.',
    labels: ['check', 'kind', 'critical'],
    read: ({ health }) =>
      health.checks.map(({ name, kind, critical }) => [{ check: name, kind, critical: String(critical) }, 1]),
  },
  {
    name: 'pongcheck_check_status',
    type: 'gauge',
    help: '1 for the status that a check has, 0 for the others.',
    labels: ['check', 'status'],
    read: ({ health }) =>
      health.checks.flatMap(({ name, state }) => oneHot({ check: name }, 'status', checkStates, state)),
  },
  {
    name: 'pongcheck_check_reason',
    type: 'gauge',
    help: '1 for the reason why a check is not pass, 0 for those that were shown before; others have no series.',
    labels: ['check', 'reason'],
    read: ({ health }) =>
      health.checks.flatMap((check) => oneHot({ check: check.name }, 'reason', reasonsShown(check), check.reason)),
  },
  {
    name: 'pongcheck_check_runs_total',
    type: 'counter',
    help: 'Results of a check, those included that were timeout at once because too many runs hang.',
    labels: ['check'],
    read: (source) => eachCheck(source, ({ stats }) => stats.runs),
  },
  {
    name: 'pongcheck_check_failures_total',
    type: 'counter',
    help: 'Results of a check that were fail or unknown, by reason.',
    labels: ['check', 'reason'],
    read: ({ health }) =>
      health.checks.flatMap(({ name, stats }) =>
        reasonNames.map((reason): Series<number> => [{ check: name, reason }, stats.failures[reason]]),
      ),
  },
  {
    name: 'pongcheck_check_duration_seconds',
    type: 'histogram',
    help: 'How long the runs of a check took, in seconds; one that was ended by its timeout took that long.',
    labels: ['check'],
    read: (source) => eachCheck(source, ({ stats }) => stats.duration),
  },
  {
    name: 'pongcheck_check_max_age_seconds',
    type: 'gauge',
    help: 'Age up to which a result of a check satisfies who names none, in seconds.',
    labels: ['check'],
    read: (source) => eachCheck(source, ({ sharedFor }) => sharedFor / 1000),
  },
  {
    name: 'pongcheck_check_last_success_timestamp_seconds',
    type: 'gauge',
    help: 'Time of the latest pass or warn of a check, in seconds since 1970; 0 before the first.',
    labels: ['check'],
    read: (source) => eachCheck(source, ({ stats }) => stats.lastSuccess ?? 0),
  },
  {
    name: 'pongcheck_check_consecutive_results',
    type: 'gauge',
    help: 'Results of a check in a row that were good (pass, warn) or bad (fail, unknown); those of the other kind are 0.',
    labels: ['check', 'result'],
    read: ({ health }) =>
      health.checks.flatMap(({ name, passes, fails }): Series<number>[] => [
        [{ check: name, result: 'good' }, passes],
        [{ check: name, result: 'bad' }, fails],
      ]),
  },
  {
    name: 'pongcheck_check_state_since_timestamp_seconds',
    type: 'gauge',
    help: 'Time since when the status of a check is what it is, in seconds since 1970.',
    labels: ['check'],
    read: (source) => eachCheck(source, ({ stats }) => stats.stateSince),
  },
  {
    name: 'pongcheck_check_transitions_total',
    type: 'counter',
    help: 'Changes of the status of a check, the first one from unknown included.',
    labels: ['check'],
    read: (source) => eachCheck(source, ({ stats }) => stats.transitions),
  },
  {
    name: 'pongcheck_check_in_flight',
    type: 'gauge',
    help: '1 while a run of the check is going on, else 0.',
    labels: ['check'],
    read: (source) => eachCheck(source, ({ inFlight }) => (inFlight ? 1 : 0)),
  },
  {
    name: 'pongcheck_check_abandoned',
    type: 'gauge',
    help: 'Runs of a check that outlived their timeout and have not let go.',
    labels: ['check'],
    read: (source) => eachCheck(source, ({ abandoned }) => abandoned),
  },
  {
    name: 'pongcheck_pings_total',
    type: 'counter',
    help: 'PINGs that were answered, by scope and status; lines count as readiness.',
    labels: ['scope', 'status'],
    read: ({ stats }) =>
      scopes.flatMap((scope: Scope) =>
        states.map((status): Series<number> => [{ scope, status }, stats.pings[scope][status]]),
      ),
  },
  {
    name: 'pongcheck_pings_stale_total',
    type: 'counter',
    help: 'PINGs that were answered with an old status, because their deadline came before a wanted run was done. Answers that did not wait do not count: to agent, to a timeoutMs of 0, and those given early because the connection closes.',
    labels: [],
    read: ({ stats }) => single(stats.stale),
  },
  {
    name: 'pongcheck_pings_waiting',
    type: 'gauge',
    help: 'PINGs that wait for an answer now.',
    labels: [],
    read: ({ stats }) => single(stats.waiting),
  },
  {
    name: 'pongcheck_watches',
    type: 'gauge',
    help: 'WATCHes that are open now.',
    labels: [],
    read: ({ stats }) => single(stats.watches),
  },
  {
    name: 'pongcheck_watched_selections',
    type: 'gauge',
    help: 'Different checks lists of WATCHes that are open now.',
    labels: [],
    read: ({ health }) => single(health.watchedSelections),
  },
  {
    name: 'pongcheck_statuses_total',
    type: 'counter',
    help: 'STATUSes that were sent to watchers, by status.',
    labels: ['status'],
    read: ({ stats }) => each('status', states, stats.statuses),
  },
  {
    name: 'pongcheck_ping_reply_seconds',
    type: 'histogram',
    help: 'From the reading of a PING to the writing of its PONG, in seconds.',
    labels: [],
    read: ({ stats }) => single(stats.replyTime),
  },
  {
    name: 'pongcheck_ping_result_age_seconds',
    type: 'histogram',
    help: 'Age of the oldest result that a PONG counted, in seconds from the start of its run.',
    labels: [],
    read: ({ stats }) => single(stats.resultAge),
  },
  {
    name: 'pongcheck_connections',
    type: 'gauge',
    help: 'Connections that are open now.',
    labels: [],
    read: ({ stats }) => single(stats.open),
  },
  {
    name: 'pongcheck_connections_limit',
    type: 'gauge',
    help: 'Connections that may be open at once; more are refused.',
    labels: [],
    read: (source) => single(source.maxConnections()),
  },
  {
    name: 'pongcheck_handshakes',
    type: 'gauge',
    help: 'Connections that are in a TLS handshake, or owe a PROXY header, now.',
    labels: [],
    read: ({ stats }) => single(stats.arriving),
  },
  {
    name: 'pongcheck_tls_certificate_expiry_timestamp_seconds',
    type: 'gauge',
    help: 'Time at which the certificate of a listener runs out, in seconds since 1970.',
    labels: ['listener'],
    read: ({ stats }) => stats.certificates().map(([listener, at]): Series<number> => [{ listener }, at / 1000]),
  },
  {
    name: 'pongcheck_connections_accepted_total',
    type: 'counter',
    help: 'Connections that were accepted.',
    labels: [],
    read: ({ stats }) => single(stats.accepted),
  },
  {
    name: 'pongcheck_connections_closed_total',
    type: 'counter',
    help: 'Connections that ended, by reason.',
    labels: ['reason'],
    read: ({ stats }) => each('reason', closeReasons, stats.closed),
  },
  {
    name: 'pongcheck_connections_refused_total',
    type: 'counter',
    help: 'Connections that were closed at once because of a limit, by that limit.',
    labels: ['reason'],
    read: ({ stats }) => each('reason', rejectReasons, stats.refused),
  },
  {
    name: 'pongcheck_reading_paused_total',
    type: 'counter',
    help: 'Times that reading from a connection was paused, by the bound that was reached.',
    labels: ['bound'],
    read: ({ stats }) => each('bound', pauses, stats.paused),
  },
  {
    name: 'pongcheck_protocol_errors_total',
    type: 'counter',
    help: 'ERROR frames that were sent, by code.',
    labels: ['code'],
    read: ({ stats }) => errorNames.map(([name, code]): Series<number> => [{ code: name }, stats.errors[code] ?? 0]),
  },
  {
    name: 'pongcheck_ignored_frames_total',
    type: 'counter',
    help: 'Frames that have no effect on a server: PONGs that nobody asked for, GOAWAYs and ERRORs.',
    labels: [],
    read: ({ stats }) => single(stats.ignoredFrames),
  },
  {
    name: 'pongcheck_lines_total',
    type: 'counter',
    help: 'Lines that were answered in line mode, by word.',
    labels: ['word'],
    read: ({ stats }) => each('word', ['ping', 'agent'], stats.lines),
  },
  {
    name: 'pongcheck_transferred_bytes_total',
    type: 'counter',
    help: 'Octets that were read (in) and written (out), over all connections.',
    labels: ['direction'],
    read: ({ stats }) => each('direction', ['in', 'out'], { in: stats.bytesIn, out: stats.bytesOut }),
  },
  {
    name: 'pongcheck_http_connections',
    type: 'gauge',
    help: 'HTTP connections that are open now; 0 where an application serves HTTP.',
    labels: [],
    read: ({ http }) => single(http.open),
  },
  {
    name: 'pongcheck_http_connections_limit',
    type: 'gauge',
    help: 'HTTP connections that may be open at once; 0 where an application serves HTTP.',
    labels: [],
    read: ({ http }) => single(http.limit),
  },
  {
    name: 'pongcheck_http_connections_closed_total',
    type: 'counter',
    help: 'HTTP connections that the server closed because of a limit, or to make room for others, by reason.',
    labels: ['reason'],
    read: ({ http }) => each('reason', httpCloseReasons, http.closed),
  },
  {
    name: 'pongcheck_http_connections_refused_total',
    type: 'counter',
    help: 'HTTP connections that were closed at once because of a limit, by that limit.',
    labels: ['reason'],
    read: ({ http }) => each('reason', httpRefusals, http.refused),
  },
  {
    name: 'pongcheck_log_lines_dropped_total',
    type: 'counter',
    help: 'Lines of the log that could not be written, as on a full disk; always 0 where the log is not that of `pongcheck serve`.',
    labels: [],
    read: ({ log }) => single(log.droppedLines ?? 0),
  },
  {
    name: 'pongcheck_event_loop_delay_seconds',
    type: 'histogram',
    help: 'How late a timer of this process came, in seconds: so long the event loop kept everyone waiting.',
    labels: [],
    read: ({ loop }) => single(loop.delay),
  },
  {
    name: 'pongcheck_event_loop_busy_seconds_total',
    type: 'counter',
    help: 'Time that the event loop did not spend waiting, in seconds.',
    labels: [],
    read: ({ loop }) => single(loop.busy),
  },
];
