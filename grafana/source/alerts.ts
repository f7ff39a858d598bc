import type { Fate } from '../../src/health/fate.js';
import { hints, hintTemplate, probeHints } from './hints.js';
import { all } from './metrics.js';
import { OBJECTIVE, SERVICE, target, unreadyMinutes, unreadyRatio, type Window, windows } from './recording.js';

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  /** How long the expression must be true before the alert fires. Default: 0. */
  readonly for?: string;
  readonly labels: { readonly severity: string; readonly window?: string };
  readonly annotations: {
    /** One line, for the title of a notification. */
    readonly summary: string;
    /** What happened, and the consequences. */
    readonly description: string;
    /** The first thing to do. */
    readonly hint: string;
    /** Section of the troubleshooting page, as a path relative to the project root. */
    readonly runbook_url: string;
    /** Path below the URL of Grafana. */
    readonly dashboard?: string;
  };
}

const WHERE = '{{ $labels.job }} {{ $labels.instance }}';
const SERVICE_NAME = '{{ with $labels.namespace }}{{ . }}/{{ end }}{{ $labels.job }}';
const FLEET = '/d/pongcheck-fleet?var-job={{ $labels.job }}';
const RESPONDER = '/d/pongcheck-responder?var-job={{ $labels.job }}&var-instance={{ $labels.instance }}';
/** The same dashboard, filtered by check. */
const CHECK = `${RESPONDER}&var-check={{ $labels.check }}`;
const ofCheck = 'on (job, instance, check)';
const whole = '{{ $value | printf "%.0f" }}';
const duration = '{{ $value | humanizeDuration }}';

function runbook(section: string): string {
  return `docs/troubleshooting.md#${section}`;
}

function isFate(fate: Fate): string {
  return `${all('pongcheck_check_fate', `fate="${fate}"`)} == 1`;
}

/** Number of observations of a histogram above a whole number, in a window. */
function above(histogram: string, bound: string, window: string, total = all(`${histogram}_count`)): string {
  const labels = 'job, instance';
  const observed = `sum by (${labels}) (increase(${total}[${window}]))`;
  // Prometheus 3 writes 1 as 1.0.
  const bucket = all(`${histogram}_bucket`, `le=~"${bound}|${bound}[.]0"`);
  return `${observed} - sum by (${labels}) (increase(${bucket}[${window}]))`;
}

/** Requires more than 4 events: with little traffic, one PING is a large fraction. */
function several(count: string): string {
  return `and on (job, instance) ${count} > 4`;
}

function severalAbove(histogram: string, bound: string): string {
  return several(above(histogram, bound, '15m', all(`${histogram}_bucket`, 'le="+Inf"')));
}

function quantile(part: number, histogram: string): string {
  return `histogram_quantile(${part}, sum by (job, instance, le) (rate(${all(`${histogram}_bucket`)}[5m])))`;
}

const ofResponders: readonly AlertRule[] = [
  {
    alert: 'PongcheckTargetDown',
    expr: `${all('up')} == 0 and on (job, instance) ${target}`,
    for: '1m',
    labels: { severity: 'critical' },
    annotations: {
      summary: `${WHERE} cannot be scraped`,
      description:
        'Prometheus has not been able to scrape this responder for one minute. Its status is unknown, and it counts as not ready.',
      hint: 'Check whether the process is running. If `pongcheck ping` and /livez work, check the network. While the event loop is blocked, /livez does not respond, and PINGs are answered only with `threads` above 0.',
      runbook_url: runbook('a-responder-cannot-be-scraped'),
      dashboard: RESPONDER,
    },
  },
  {
    alert: 'PongcheckServiceGone',
    // New targets have 5 min to answer a scrape. The alert resolves 1 h after the last target.
    expr: `group by (${SERVICE}) (last_over_time(${target}[1h]))\n  unless on (${SERVICE}) ${target}`,
    for: '5m',
    labels: { severity: 'critical' },
    annotations: {
      summary: `${SERVICE_NAME} has no responders left in Prometheus`,
      description:
        'Service discovery has returned no responders of this service for five minutes. No other alerts can fire for the service.',
      hint: 'If the service was not removed or scaled to zero, check its deployment and the Prometheus service discovery.',
      runbook_url: runbook('a-responder-cannot-be-scraped'),
      dashboard: FLEET,
    },
  },
  {
    alert: 'PongcheckCheckFailing',
    // An on-demand check that has not run yet is not a problem.
    expr: [
      `(${all('pongcheck_check_reason', 'reason!="never-ran"')} == 1)`,
      `* ${ofCheck} group_left (status) (${all('pongcheck_check_status', 'status=~"fail|unknown"')} == 1)`,
      `* ${ofCheck} group_left (kind, critical) ${all('pongcheck_check_info')}`,
      // PongcheckSharedFailure fires once for all instances.
      `unless ${ofCheck} (${isFate('shared')})`,
    ].join('\n  '),
    for: '1m',
    labels: { severity: '{{ if eq $labels.critical "true" }}critical{{ else }}warning{{ end }}' },
    annotations: {
      summary: `${WHERE}: check {{ $labels.check }} is {{ $labels.status }}, {{ $labels.reason }}`,
      description:
        'The check has been fail or unknown for one minute. If the check is critical, readiness also fails, and load balancers take the instance out of rotation.',
      hint: hintTemplate(hints),
      runbook_url: runbook('{{ $labels.reason }}'),
      dashboard: CHECK,
    },
  },
  {
    alert: 'PongcheckSharedFailure',
    // The check fails on most of the queried instances, so one instance that reports this is sufficient.
    expr: `count by (${SERVICE}, check) (${isFate('shared')})`,
    for: '1m',
    labels: { severity: 'critical' },
    annotations: {
      summary: `${SERVICE_NAME}: check {{ $labels.check }} fails on ${whole} instances, which share the failure`,
      description:
        'Most instances have the same failure, so they stay in rotation with the status warn. Requests that need the dependency fail.',
      hint: 'The dependency has failed, not the instances. Repair the dependency. See docs/run.md#shared-failures.',
      runbook_url: runbook('a-failure-is-shared-local-or-unknown'),
      dashboard: FLEET,
    },
  },
  {
    alert: 'PongcheckLocalFailure',
    expr: isFate('local'),
    for: '1m',
    // In addition to PongcheckCheckFailing, which has the reason.
    labels: { severity: 'warning' },
    annotations: {
      summary: `${WHERE}: check {{ $labels.check }} fails here but works on other instances`,
      description:
        'Only this instance has the failure. If the check is critical, the instance is out of rotation, and the other instances handle its load.',
      hint: 'The dependency works for other instances. Check the network, credentials and limits of this instance, or replace the instance. See docs/run.md#shared-failures.',
      runbook_url: runbook('a-failure-is-shared-local-or-unknown'),
      dashboard: CHECK,
    },
  },
  {
    alert: 'PongcheckCheckFlapping',
    expr: `increase(${all('pongcheck_check_transitions_total')}[15m]) > 5`,
    labels: { severity: 'warning' },
    annotations: {
      summary: `${WHERE}: check {{ $labels.check }} changed ${whole} times in 15 minutes`,
      description:
        'Each status change of a critical check takes the instance out of rotation or puts it back, and moves connections between instances.',
      hint: 'Increase fall and rise, or the timeout if the reason is timeout. Then find the intermittent cause.',
      runbook_url: runbook('a-check-flaps'),
      dashboard: CHECK,
    },
  },
  {
    alert: 'PongcheckResultTooOld',
    // An interval may be 10 s, and a longer max age may be intended.
    expr: [
      `(${quantile(0.9, 'pongcheck_ping_result_age_seconds')} > 10)`,
      `> on (job, instance) 2 * max by (job, instance) (${all('pongcheck_check_max_age_seconds')})`,
      severalAbove('pongcheck_ping_result_age_seconds', '10'),
    ].join('\n  '),
    for: '2m',
    labels: { severity: 'warning' },
    annotations: {
      summary: `${WHERE} answers with results that are ${duration} old, more than twice the max age`,
      description:
        'One in ten PINGs is answered from results older than this. Clients see failures and recoveries late.',
      hint: 'PINGs do not wait for runs, or runs do not end. Set an interval for the checks or a longer timeout for PINGs, and check for abandoned runs.',
      runbook_url: runbook('results-are-too-old'),
      dashboard: RESPONDER,
    },
  },
  {
    alert: 'PongcheckAnswersStale',
    expr: [
      `rate(${all('pongcheck_pings_stale_total')}[5m]) / on (job, instance) sum by (job, instance) (rate(${all('pongcheck_pings_total')}[5m])) > 0.05`,
      several(`increase(${all('pongcheck_pings_stale_total')}[15m])`),
    ].join('\n  '),
    for: '5m',
    labels: { severity: 'warning' },
    annotations: {
      summary: `${WHERE} answers {{ $value | humanizePercentage }} of PINGs with a stale status`,
      description:
        'The deadline of these PINGs passed before a check finished. The PONGs contain the last known status and the flag STALE, and may not show a new failure yet.',
      hint: 'A check takes longer than the PING deadlines. Reduce its timeout, or set an interval and a longer max age.',
      runbook_url: runbook('pongs-are-late-or-stale'),
      dashboard: RESPONDER,
    },
  },
  {
    alert: 'PongcheckRepliesSlow',
    expr: [
      `${quantile(0.99, 'pongcheck_ping_reply_seconds')} > 1`,
      severalAbove('pongcheck_ping_reply_seconds', '1'),
    ].join('\n  '),
    for: '5m',
    labels: { severity: 'warning' },
    annotations: {
      summary: `${WHERE}: the 99th percentile of the reply time is ${duration}`,
      description:
        'One in a hundred PINGs is answered later than this. Clients with a shorter timeout treat them as lost.',
      hint: 'PINGs wait for runs. Check the check durations. If they are short, check the event loop delay.',
      runbook_url: runbook('pongs-are-late-or-stale'),
      dashboard: RESPONDER,
    },
  },
  {
    alert: 'PongcheckRunsAbandoned',
    expr: `${all('pongcheck_check_abandoned')} > 0`,
    for: '1m',
    labels: { severity: 'warning' },
    annotations: {
      summary: `${WHERE}: ${whole} runs of check {{ $labels.check }} are still in progress after their timeout`,
      description:
        'The runs do not end after their timeout. A check with three such runs starts only once every 30 s, so its result gets older.',
      hint: 'The check ignores its AbortSignal and holds sockets and memory. In a custom check, pass the signal to all calls that accept one.',
      runbook_url: runbook('runs-are-abandoned'),
      dashboard: CHECK,
    },
  },
  {
    alert: 'PongcheckEventLoopStalled',
    expr: `${above('pongcheck_event_loop_delay_seconds', '1', '5m')} > 0.5`,
    labels: { severity: 'warning' },
    annotations: {
      summary: `${WHERE}: the event loop was blocked for more than 1 s`,
      description:
        'During the block, no checks ran, and HTTP requests were not answered. Without PING threads, PINGs were not answered either. A longer block causes connections to be closed.',
      hint: 'Synchronous work blocks the process, or the machine is swapping or throttled. Take a CPU profile.',
      runbook_url: runbook('the-event-loop-is-blocked'),
      dashboard: RESPONDER,
    },
  },
  {
    alert: 'PongcheckEventLoopBlocked',
    // The target cannot be scraped during the block, so the first scrape afterwards shows it.
    expr: `increase(${all('pongcheck_event_loop_stalls_total')}[5m]) > 0`,
    labels: { severity: '{{ if eq $labels.scope "liveness" }}critical{{ else }}warning{{ end }}' },
    annotations: {
      summary: `${WHERE}: the event loop was blocked for longer than the limit of {{ $labels.scope }}`,
      description:
        'PING threads answered fail for this scope until the block ended. If the scope is liveness, an orchestrator may have restarted the process.',
      hint: 'Synchronous work blocks the event loop. Take a CPU profile. See docs/troubleshooting.md#the-event-loop-is-blocked.',
      runbook_url: runbook('the-event-loop-is-blocked'),
      dashboard: RESPONDER,
    },
  },
  {
    alert: 'PongcheckEventLoopBusy',
    expr: `rate(${all('pongcheck_event_loop_busy_seconds_total')}[5m]) > 0.9`,
    for: '5m',
    labels: { severity: 'warning' },
    annotations: {
      summary: `${WHERE}: the event loop is busy {{ $value | humanizePercentage }} of the time`,
      description:
        'The event loop has little time left for further work. Answers and runs are delayed, and blocks become likely.',
      hint: 'The process is saturated. Add instances, or find the client that sends the most requests.',
      runbook_url: runbook('the-event-loop-is-blocked'),
      dashboard: RESPONDER,
    },
  },
  {
    alert: 'PongcheckThreadDown',
    expr: `${all('pongcheck_thread_up')} == 0`,
    for: '1m',
    labels: { severity: 'critical' },
    annotations: {
      summary: `${WHERE}: PING thread {{ $labels.thread }} does not respond`,
      description:
        'The connections of the thread are open, but PINGs on them are not answered. Connections of other threads are not affected.',
      hint: 'If the thread cannot be started, the log shows why. If the thread hangs, restart the process.',
      runbook_url: runbook('a-ping-thread-ends-or-does-not-respond'),
      dashboard: RESPONDER,
    },
  },
  {
    alert: 'PongcheckThreadRestarts',
    expr: `increase(${all('pongcheck_thread_restarts_total')}[15m]) > 0`,
    labels: { severity: 'warning' },
    annotations: {
      summary: `${WHERE}: PING thread {{ $labels.thread }} exited and was restarted ${whole} times in 15 minutes`,
      description: 'Clients of the thread had to reconnect. Connections of other threads stayed open.',
      hint: 'The log shows the reason. If the thread ran out of memory, reduce limits.maxConnections.',
      runbook_url: runbook('a-ping-thread-ends-or-does-not-respond'),
      dashboard: RESPONDER,
    },
  },
  {
    alert: 'PongcheckPeersRefused',
    expr: `increase(${all('pongcheck_connections_refused_total')}[5m]) > 0`,
    labels: { severity: 'warning' },
    annotations: {
      summary: `${WHERE} refused ${whole} connections in 5 minutes, {{ $labels.reason }}`,
      description:
        'Connections were closed on accept because a connection limit was reached. Clients may consider the responder dead.',
      hint: 'A client may reconnect in a loop, or there are more clients than planned. Check GET /connections.',
      runbook_url: runbook('connections-are-refused'),
      dashboard: RESPONDER,
    },
  },
  {
    alert: 'PongcheckConnectionsNearLimit',
    expr: `${all('pongcheck_connections')} / ${all('pongcheck_connections_limit')} > 0.8`,
    for: '2m',
    labels: { severity: 'warning' },
    annotations: {
      summary: `${WHERE}: {{ $value | humanizePercentage }} of the maximum number of connections are open`,
      description:
        'At the limit, further connections are closed on accept, including those of load balancers and orchestrators.',
      hint: 'Increase limits.maxConnections and the open file limit, or reduce heartbeat.idleTimeout.',
      runbook_url: runbook('connections-are-refused'),
      dashboard: RESPONDER,
    },
  },
  {
    alert: 'PongcheckCertificateRunsOut',
    expr: `${all('pongcheck_tls_certificate_expiry_timestamp_seconds')} - time() < 7 * 86400`,
    for: '10m',
    labels: { severity: 'warning' },
    annotations: {
      summary: `${WHERE}: the certificate of {{ $labels.listener }} expires in ${duration}`,
      description:
        'After the expiry, clients that verify the certificate cannot connect. Existing connections stay open.',
      hint: 'Replace the certificate file. It is re-read every minute and on SIGHUP. No restart is required.',
      runbook_url: runbook('a-certificate-expires'),
      dashboard: RESPONDER,
    },
  },
  {
    alert: 'PongcheckReloadFailed',
    expr: `${all('pongcheck_config_last_reload_successful')} == 0`,
    for: '5m',
    labels: { severity: 'warning' },
    annotations: {
      summary: `${WHERE}: the last configuration reload failed`,
      description:
        'The file contains an error, or the new settings could not be applied. The previous configuration stays in use, but a restart would fail.',
      hint: 'See the errors in the log or in the output of `pongcheck check-config`, and correct the file.',
      runbook_url: runbook('a-configuration-change-has-no-effect'),
      dashboard: RESPONDER,
    },
  },
  {
    alert: 'PongcheckFilesNearLimit',
    expr: `${all('process_open_fds')} / ${all('process_max_fds')} > 0.8 and on (job, instance) ${all('pongcheck_build_info')}`,
    for: '2m',
    labels: { severity: 'warning' },
    annotations: {
      summary: `${WHERE}: {{ $value | humanizePercentage }} of the open file limit is used`,
      description:
        'At the limit, neither clients nor checks can connect, and checks become unknown with the reason fd-exhausted.',
      hint: 'Increase the open file limit (LimitNOFILE, ulimit -n) above limits.maxConnections.',
      runbook_url: runbook('connections-are-refused'),
      dashboard: RESPONDER,
    },
  },
];

interface Burn {
  readonly long: Window;
  readonly short: Window;
  /** Burn rate: how many times faster than the objective allows the error budget is used. */
  readonly factor: number;
  readonly severity: 'critical' | 'warning';
}

/** Fast burn rates are critical, slow ones are not urgent. The short window resolves the alert soon after the incident. */
const burns: readonly Burn[] = [
  { long: '1h', short: '5m', factor: 14.4, severity: 'critical' },
  { long: '6h', short: '30m', factor: 6, severity: 'critical' },
  { long: '1d', short: '2h', factor: 3, severity: 'warning' },
  { long: '3d', short: '6h', factor: 1, severity: 'warning' },
];

/** How long a 30-day budget lasts at a burn rate. */
function budgetLasts(factor: number): string {
  const days = 30 / factor;
  return days < 5 ? `${Math.round(days * 24)} hours` : `${Math.round(days)} days`;
}

const ofObjective = burns.map(({ long, short, factor, severity }): AlertRule => {
  const limit = Number((factor * (1 - OBJECTIVE)).toFixed(6));
  return {
    alert: 'PongcheckBudgetBurns',
    expr: [
      `${unreadyRatio(long)} > ${limit} and ${unreadyRatio(short)} > ${limit}`,
      // If the limit is less than a minute, one failed scrape per minute could exceed it.
      ...(windows[long] * limit < 1 ? [`and ${unreadyMinutes(long)} > 3`] : []),
    ].join('\n  '),
    labels: { severity, window: long },
    annotations: {
      summary: `${SERVICE_NAME} was not ready for {{ $value | humanizePercentage }} of the last ${long}, more than ${factor} times its objective`,
      description: `Some or all instances of the service were not ready. At this rate, the 30-day error budget is used up in ${budgetLasts(factor)}.`,
      hint: 'Check the other alerts for the cause. This alert shows the impact on the error budget.',
      runbook_url: runbook('the-error-budget-is-used-up-too-fast'),
      dashboard: FLEET,
    },
  };
});

const ofProbes: readonly AlertRule[] = [
  {
    alert: 'PongcheckProbeFailing',
    expr: `${all('probe_failure_reason')} == 1`,
    for: '1m',
    labels: { severity: 'critical' },
    annotations: {
      summary: `{{ $labels.instance }} fails its probe: {{ $labels.reason }}`,
      description:
        'For one minute, the prober has received no usable response, or the response is unhealthy. The alert does not show why the target itself fails.',
      hint: hintTemplate(probeHints),
      runbook_url: runbook('a-probe-fails'),
      dashboard: '/d/pongcheck-probe?var-job={{ $labels.job }}&var-instance={{ $labels.instance }}',
    },
  },
];

/** Alerts by rule group. */
export const alertGroups: Readonly<Record<string, readonly AlertRule[]>> = {
  'pongcheck-alerts': ofResponders,
  'pongcheck-objective-alerts': ofObjective,
  'pongcheck-probe-alerts': ofProbes,
};
