import type { Histogram } from '../common/histogram.js';
import type { Log } from '../common/log.js';
import { type GrpcStats, grpcMethods, grpcRefusals, grpcStatuses } from '../grpc/stats.js';
import { fates } from '../health/fate.js';
import { type Scope, scopes } from '../health/health.js';
import type { CheckView } from '../health/query/registry.js';
import { type Reason, reasons } from '../health/reason.js';
import { checkStates, type State, states } from '../health/state.js';
import { closeReasons, pauses, rejectReasons, type ServerStats } from '../server/stats.js';
import { WireError } from '../wire/codes.js';
import type { LoopWatch } from './event-loop.js';
import { type HttpStats, httpCloseReasons, httpRefusals } from './http-stats.js';
import { type PeerOutcome, peerOutcomes } from './peer-stats.js';
import type { Reloads } from './reloads.js';

/** Source of the metrics, read on each scrape. Reading runs no check. */
export interface Source {
  readonly health: {
    readonly checks: readonly CheckView[];
    groups(): readonly string[];
    stateOf(group: string): State;
    readonly watchedSelections: number;
  };
  readonly stats: ServerStats;
  readonly http: HttpStats;
  /** The gRPC health service; undefined if it is not used. */
  readonly grpc?: GrpcStats | undefined;
  readonly reloads: Pick<Reloads, 'counts' | 'isLastSuccessful' | 'lastSuccess'>;
  readonly loop: Pick<LoopWatch, 'delay' | 'busy'>;
  /** The threads that answer PINGs; undefined if the main thread does. */
  readonly threads?: ThreadsSource | undefined;
  /** Queries to other instances of the service; undefined if none are configured. */
  readonly peers?: PeersSource | undefined;
  /** Number of fleet responders by state; undefined without a fleet. */
  readonly fleet?: { readonly counts: Readonly<Record<string, number>> } | undefined;
  /** Maximum number of connections. */
  maxConnections(): number;
  readonly log: Pick<Log, 'droppedLines'>;
  /** Version of this package. */
  readonly version: string;
}

interface PeersSource {
  readonly outcomes: Readonly<Record<PeerOutcome, number>>;
  readonly time: Histogram;
}

interface ThreadsSource {
  statuses(): readonly { readonly index: number; readonly isResponding: boolean; readonly restarts: number }[];
  readonly watchedSelections: number;
  /** Stalls of the event loop of the main thread, as these threads observe them; times in seconds. */
  readonly loopStats: {
    readonly stalled: number;
    readonly longestStall: number;
    readonly stalls: Readonly<Record<'readiness' | 'liveness', number>>;
  };
}

export type Labels = Readonly<Record<string, string>>;
/** One series of a metric: its labels and its current value. */
export type Series<V> = readonly [labels: Labels, value: V];

interface Row {
  readonly name: string;
  /** A short description with the unit. */
  readonly help: string;
  readonly labels: readonly string[];
}

interface NumberRow extends Row {
  readonly type: 'counter' | 'gauge';
  /** All series, including those at zero. */
  read(source: Source): Iterable<Series<number>>;
}

interface HistogramRow extends Row {
  readonly type: 'histogram';
  read(source: Source): Iterable<Series<Histogram>>;
}

export type MetricRow = NumberRow | HistogramRow;

/** States of an existing group. */
const groupStates = states.filter((state) => state !== 'not-found');
const reasonNames = Object.keys(reasons) as Reason[];
/** Error codes of the protocol with their names, such as `too-large`. */
const errorNames = Object.entries(WireError).map(
  ([name, code]) => [name.toLowerCase().replaceAll('_', '-'), code] as const,
);

/** The series of a metric without labels. */
function single<V>(value: V): Series<V>[] {
  return [[{}, value]];
}

/** One series for each key of a record. */
function each<K extends string>(label: string, keys: readonly K[], counts: Readonly<Record<K, number>>) {
  return keys.map((key): Series<number> => [{ [label]: key }, counts[key]]);
}

/** One series for each possible value of a label: 1 for the current one, 0 for the others. */
function oneHot(
  labels: Labels,
  label: string,
  values: readonly string[],
  current: string | undefined,
): Series<number>[] {
  return values.map((value) => [{ ...labels, [label]: value }, value === current ? 1 : 0]);
}

/**
 * The reasons that a check has, or had at an earlier scrape. Series for every reason of each check would make up a
 * third of the scrape, nearly all of them 0.
 */
function reasonsOf({ stats, reason }: CheckView): readonly string[] {
  if (reason !== undefined) stats.scrapedReasons.add(reason);
  return [...stats.scrapedReasons];
}

function eachCheck<V>({ health }: Source, value: (check: CheckView) => V): Series<V>[] {
  return health.checks.map((check) => [{ check: check.name }, value(check)]);
}

/**
 * All metrics, in the order of the output. Label values come from the configuration and from closed lists, never from
 * peers, so that peers cannot create series.
 */
export const metricRows: readonly MetricRow[] = [
  {
    name: 'pongcheck_build_info',
    type: 'gauge',
    help: 'Always 1. The labels are the versions of pongcheck and Node.js.',
    labels: ['version', 'node'],
    read: ({ version }) => [[{ version, node: process.version }, 1]],
  },
  {
    name: 'pongcheck_config_reloads_total',
    type: 'counter',
    help: 'Configuration reloads, by result. A failed reload changes nothing.',
    labels: ['result'],
    read: ({ reloads }) => each('result', ['success', 'failure'], reloads.counts),
  },
  {
    name: 'pongcheck_config_last_reload_successful',
    type: 'gauge',
    help: '1 if the last configuration reload succeeded or there was none, 0 if it failed.',
    labels: [],
    read: ({ reloads }) => single(reloads.isLastSuccessful ? 1 : 0),
  },
  {
    name: 'pongcheck_config_last_reload_success_timestamp_seconds',
    type: 'gauge',
    help: 'Time at which the current configuration was loaded, in seconds since 1970.',
    labels: [],
    read: ({ reloads }) => single(reloads.lastSuccess),
  },
  {
    name: 'pongcheck_group_status',
    type: 'gauge',
    help: '1 for the current status of a check group, 0 for the other statuses.',
    labels: ['group', 'status'],
    read: ({ health }) =>
      health.groups().flatMap((group) => oneHot({ group }, 'status', groupStates, health.stateOf(group))),
  },
  {
    name: 'pongcheck_check_info',
    type: 'gauge',
    help: 'Always 1. The labels are the kind of a check and whether it is critical.',
    labels: ['check', 'kind', 'critical'],
    read: ({ health }) =>
      health.checks.map(({ name, kind, critical }) => [{ check: name, kind, critical: String(critical) }, 1]),
  },
  {
    name: 'pongcheck_check_status',
    type: 'gauge',
    help: '1 for the current status of a check, 0 for the other statuses.',
    labels: ['check', 'status'],
    read: ({ health }) =>
      health.checks.flatMap(({ name, state }) => oneHot({ check: name }, 'status', checkStates, state)),
  },
  {
    name: 'pongcheck_check_reason',
    type: 'gauge',
    help: '1 for the current reason of a check that does not pass, 0 for its earlier reasons. Other reasons have no series.',
    labels: ['check', 'reason'],
    read: ({ health }) =>
      health.checks.flatMap((check) => oneHot({ check: check.name }, 'reason', reasonsOf(check), check.reason)),
  },
  {
    name: 'pongcheck_check_fate',
    type: 'gauge',
    help: '1 for the current fate of a failing check: shared (most peers have the same failure), local or unknown. All 0 while the check does not fail. Only for checks with onShared: warn.',
    labels: ['check', 'fate'],
    read: ({ health }) =>
      health.checks
        .filter(({ onShared }) => onShared === 'warn')
        .flatMap(({ name, fate }) => oneHot({ check: name }, 'fate', fates, fate)),
  },
  {
    name: 'pongcheck_check_runs_total',
    type: 'counter',
    help: 'Check results, including immediate timeouts while too many runs hang.',
    labels: ['check'],
    read: (source) => eachCheck(source, ({ stats }) => stats.runs),
  },
  {
    name: 'pongcheck_check_failures_total',
    type: 'counter',
    help: 'Check results that are fail or unknown, by reason.',
    labels: ['check', 'reason'],
    read: ({ health }) =>
      health.checks.flatMap(({ name, stats }) =>
        reasonNames.map((reason): Series<number> => [{ check: name, reason }, stats.failures[reason]]),
      ),
  },
  {
    name: 'pongcheck_check_duration_seconds',
    type: 'histogram',
    help: 'Duration of check runs, in seconds. A run that times out counts with its timeout.',
    labels: ['check'],
    read: (source) => eachCheck(source, ({ stats }) => stats.duration),
  },
  {
    name: 'pongcheck_check_max_age_seconds',
    type: 'gauge',
    help: 'Maximum result age for requests that do not set one, in seconds.',
    labels: ['check'],
    read: (source) => eachCheck(source, ({ sharedFor }) => sharedFor / 1000),
  },
  {
    name: 'pongcheck_check_last_success_timestamp_seconds',
    type: 'gauge',
    help: 'Time of the last pass or warn result of a check, in seconds since 1970; 0 before the first one.',
    labels: ['check'],
    read: (source) => eachCheck(source, ({ stats }) => stats.lastSuccess ?? 0),
  },
  {
    name: 'pongcheck_check_consecutive_results',
    type: 'gauge',
    help: 'Number of consecutive good (pass, warn) or bad (fail, unknown) results of a check. One of the two is 0.',
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
    help: 'Time of the last status change of a check, in seconds since 1970.',
    labels: ['check'],
    read: (source) => eachCheck(source, ({ stats }) => stats.stateSince),
  },
  {
    name: 'pongcheck_check_transitions_total',
    type: 'counter',
    help: 'Status changes of a check, including the first change from unknown.',
    labels: ['check'],
    read: (source) => eachCheck(source, ({ stats }) => stats.transitions),
  },
  {
    name: 'pongcheck_check_in_flight',
    type: 'gauge',
    help: '1 while a run of the check is in progress, 0 otherwise.',
    labels: ['check'],
    read: (source) => eachCheck(source, ({ inFlight }) => (inFlight ? 1 : 0)),
  },
  {
    name: 'pongcheck_check_abandoned',
    type: 'gauge',
    help: 'Check runs that are still in progress after their timeout.',
    labels: ['check'],
    read: (source) => eachCheck(source, ({ abandoned }) => abandoned),
  },
  {
    name: 'pongcheck_pings_total',
    type: 'counter',
    help: 'Answered PINGs, by scope and status. Requests in line mode count as readiness.',
    labels: ['scope', 'status'],
    read: ({ stats }) =>
      scopes.flatMap((scope: Scope) =>
        states.map((status): Series<number> => [{ scope, status }, stats.pings[scope][status]]),
      ),
  },
  {
    name: 'pongcheck_pings_stale_total',
    type: 'counter',
    help: 'PINGs answered with a stale status because their deadline passed before a run was complete. Excludes replies that never wait: replies to agent, replies to PINGs with timeoutMs 0, and replies sent before a connection is closed.',
    labels: [],
    read: ({ stats }) => single(stats.stale),
  },
  {
    name: 'pongcheck_pings_waiting',
    type: 'gauge',
    help: 'PINGs that have not been answered yet.',
    labels: [],
    read: ({ stats }) => single(stats.waiting),
  },
  {
    name: 'pongcheck_watches',
    type: 'gauge',
    help: 'Open WATCHes.',
    labels: [],
    read: ({ stats }) => single(stats.watches),
  },
  {
    name: 'pongcheck_watched_selections',
    type: 'gauge',
    help: 'Distinct check lists of open WATCHes.',
    labels: [],
    read: ({ health, threads }) => single(health.watchedSelections + (threads?.watchedSelections ?? 0)),
  },
  {
    name: 'pongcheck_statuses_total',
    type: 'counter',
    help: 'STATUS frames sent, by status.',
    labels: ['status'],
    read: ({ stats }) => each('status', states, stats.statuses),
  },
  {
    name: 'pongcheck_ping_reply_seconds',
    type: 'histogram',
    help: 'Time from reading a PING to writing its PONG, in seconds.',
    labels: [],
    read: ({ stats }) => single(stats.replyTime),
  },
  {
    name: 'pongcheck_ping_result_age_seconds',
    type: 'histogram',
    help: 'Age of the oldest check result in a PONG, in seconds since the start of its run.',
    labels: [],
    read: ({ stats }) => single(stats.resultAge),
  },
  {
    name: 'pongcheck_connections',
    type: 'gauge',
    help: 'Open connections.',
    labels: [],
    read: ({ stats }) => single(stats.open),
  },
  {
    name: 'pongcheck_connections_limit',
    type: 'gauge',
    help: 'Maximum number of connections; further ones are refused.',
    labels: [],
    read: (source) => single(source.maxConnections()),
  },
  {
    name: 'pongcheck_handshakes',
    type: 'gauge',
    help: 'Connections in a TLS handshake or waiting for a required PROXY header.',
    labels: [],
    read: ({ stats }) => single(stats.arriving),
  },
  {
    name: 'pongcheck_tls_certificate_expiry_timestamp_seconds',
    type: 'gauge',
    help: 'Expiry time of the certificate of a listener, in seconds since 1970.',
    labels: ['listener'],
    read: ({ stats }) => stats.certificates().map(([listener, at]): Series<number> => [{ listener }, at / 1000]),
  },
  {
    name: 'pongcheck_connections_accepted_total',
    type: 'counter',
    help: 'Accepted connections.',
    labels: [],
    read: ({ stats }) => single(stats.accepted),
  },
  {
    name: 'pongcheck_connections_closed_total',
    type: 'counter',
    help: 'Closed connections, by reason.',
    labels: ['reason'],
    read: ({ stats }) => each('reason', closeReasons, stats.closed),
  },
  {
    name: 'pongcheck_connections_refused_total',
    type: 'counter',
    help: 'Connections closed on accept, by the limit that was reached.',
    labels: ['reason'],
    read: ({ stats }) => each('reason', rejectReasons, stats.refused),
  },
  {
    name: 'pongcheck_reading_paused_total',
    type: 'counter',
    help: 'Number of times that reading from a connection was paused, by the limit that was reached.',
    labels: ['bound'],
    read: ({ stats }) => each('bound', pauses, stats.paused),
  },
  {
    name: 'pongcheck_protocol_errors_total',
    type: 'counter',
    help: 'ERROR frames sent, by code.',
    labels: ['code'],
    read: ({ stats }) => errorNames.map(([name, code]): Series<number> => [{ code: name }, stats.errors[code] ?? 0]),
  },
  {
    name: 'pongcheck_ignored_frames_total',
    type: 'counter',
    help: 'Received frames without effect: unsolicited PONGs, GOAWAYs and ERRORs.',
    labels: [],
    read: ({ stats }) => single(stats.ignoredFrames),
  },
  {
    name: 'pongcheck_lines_total',
    type: 'counter',
    help: 'Requests answered in line mode, by word.',
    labels: ['word'],
    read: ({ stats }) => each('word', ['ping', 'agent'], stats.lines),
  },
  {
    name: 'pongcheck_transferred_bytes_total',
    type: 'counter',
    help: 'Bytes read (in) and written (out), on all connections.',
    labels: ['direction'],
    read: ({ stats }) => each('direction', ['in', 'out'], { in: stats.bytesIn, out: stats.bytesOut }),
  },
  {
    name: 'pongcheck_http_connections',
    type: 'gauge',
    help: 'Open HTTP connections; 0 if the application serves HTTP.',
    labels: [],
    read: ({ http }) => single(http.open),
  },
  {
    name: 'pongcheck_http_connections_limit',
    type: 'gauge',
    help: 'Maximum number of HTTP connections; 0 if the application serves HTTP.',
    labels: [],
    read: ({ http }) => single(http.limit),
  },
  {
    name: 'pongcheck_http_connections_closed_total',
    type: 'counter',
    help: 'HTTP connections closed because of a timeout or limit, or to make room for new ones, by reason.',
    labels: ['reason'],
    read: ({ http }) => each('reason', httpCloseReasons, http.closed),
  },
  {
    name: 'pongcheck_http_connections_refused_total',
    type: 'counter',
    help: 'HTTP connections closed on accept, by the limit that was reached.',
    labels: ['reason'],
    read: ({ http }) => each('reason', httpRefusals, http.refused),
  },
  {
    name: 'pongcheck_grpc_connections',
    type: 'gauge',
    help: 'Open gRPC connections; 0 if the application serves gRPC. Only if gRPC is enabled.',
    labels: [],
    read: ({ grpc }) => (grpc ? single(grpc.connections) : []),
  },
  {
    name: 'pongcheck_grpc_watches',
    type: 'gauge',
    help: 'Open Watches of gRPC clients. Only if gRPC is enabled.',
    labels: [],
    read: ({ grpc }) => (grpc ? single(grpc.watches) : []),
  },
  {
    name: 'pongcheck_grpc_answers_total',
    type: 'counter',
    help: 'Responses to gRPC health checks, by method and status. For Watch, each message counts. Only if gRPC is enabled.',
    labels: ['method', 'status'],
    read: ({ grpc }) =>
      grpc
        ? grpcMethods.flatMap((method) =>
            grpcStatuses
              .filter((status) => status !== (method === 'Check' ? 'SERVICE_UNKNOWN' : 'NOT_FOUND'))
              .map((status): Series<number> => [{ method, status }, grpc.sent[method][status]]),
          )
        : [],
  },
  {
    name: 'pongcheck_grpc_refused_total',
    type: 'counter',
    help: 'Rejected gRPC connections and Watches, by the limit that was reached. Only if gRPC is enabled.',
    labels: ['reason'],
    read: ({ grpc }) => (grpc ? each('reason', grpcRefusals, grpc.refused) : []),
  },
  {
    name: 'pongcheck_log_lines_dropped_total',
    type: 'counter',
    help: 'Log lines that could not be written, for example because the disk is full. Always 0 outside `pongcheck serve`.',
    labels: [],
    read: ({ log }) => single(log.droppedLines ?? 0),
  },
  {
    name: 'pongcheck_event_loop_delay_seconds',
    type: 'histogram',
    help: 'Event loop delay, measured as the lateness of a timer, in seconds.',
    labels: [],
    read: ({ loop }) => single(loop.delay),
  },
  {
    name: 'pongcheck_event_loop_busy_seconds_total',
    type: 'counter',
    help: 'Time during which the event loop was busy, in seconds.',
    labels: [],
    read: ({ loop }) => single(loop.busy),
  },
  {
    name: 'pongcheck_event_loop_stalled_seconds',
    type: 'gauge',
    help: 'Time for which the event loop of the main thread has been blocked, as observed by PING threads, in seconds. Only with threads.',
    labels: [],
    read: ({ threads }) => (threads ? single(threads.loopStats.stalled) : []),
  },
  {
    name: 'pongcheck_event_loop_longest_stall_seconds',
    type: 'gauge',
    help: 'Longest time for which the event loop of the main thread has been blocked since the start, in seconds. Only with threads.',
    labels: [],
    read: ({ threads }) => (threads ? single(threads.loopStats.longestStall) : []),
  },
  {
    name: 'pongcheck_event_loop_stalls_total',
    type: 'counter',
    help: 'Number of times that the event loop of the main thread was blocked for longer than the limit of a scope. Only with threads.',
    labels: ['scope'],
    read: ({ threads }) => (threads ? each('scope', ['readiness', 'liveness'], threads.loopStats.stalls) : []),
  },
  {
    name: 'pongcheck_thread_up',
    type: 'gauge',
    help: '1 if a PING thread responds, 0 if it is starting or hangs.',
    labels: ['thread'],
    read: ({ threads }) =>
      (threads?.statuses() ?? []).map(({ index, isResponding }) => [{ thread: `${index}` }, isResponding ? 1 : 0]),
  },
  {
    name: 'pongcheck_thread_restarts_total',
    type: 'counter',
    help: 'Restarts of a PING thread after an unexpected exit.',
    labels: ['thread'],
    read: ({ threads }) => (threads?.statuses() ?? []).map(({ index, restarts }) => [{ thread: `${index}` }, restarts]),
  },
  {
    name: 'pongcheck_peers_asked_total',
    type: 'counter',
    help: 'Queries to other instances about a failing check, by outcome: failing (the check fails there too), working, uncounted (the answer does not count), or unanswered (no answer in time). Only with peers.',
    labels: ['outcome'],
    read: ({ peers }) => (peers ? each('outcome', peerOutcomes, peers.outcomes) : []),
  },
  {
    name: 'pongcheck_peers_answer_seconds',
    type: 'histogram',
    help: 'Time until all peers that were queried about a failing check have answered, at most the timeout, in seconds. Only with peers.',
    labels: [],
    read: ({ peers }) => (peers ? single(peers.time) : []),
  },
  {
    name: 'pongcheck_fleet_responders',
    type: 'gauge',
    help: 'Responders on the fleet page, by state. unreachable: no connection; connecting: not connected yet. Only with a fleet.',
    labels: ['state'],
    read: ({ fleet }) => Object.entries(fleet?.counts ?? {}).map(([state, count]) => [{ state }, count]),
  },
];
