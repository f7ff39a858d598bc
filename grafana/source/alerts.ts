import { hints, hintTemplate, probeHints } from './hints.js';
import { all } from './metrics.js';
import { OBJECTIVE, SERVICE, target, unreadyMinutes, unreadyRatio, type Window, windows } from './recording.js';

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  /** How long it must be so. Default: at once. */
  readonly for?: string;
  readonly labels: { readonly severity: string; readonly window?: string };
  readonly annotations: {
    /** One line, for the title of a message. */
    readonly summary: string;
    /** What to do first. */
    readonly hint: string;
    /** Path below Grafana's address. */
    readonly dashboard?: string;
  };
}

const WHERE = '{{ $labels.job }} {{ $labels.instance }}';
const SERVICE_NAME = '{{ with $labels.namespace }}{{ . }}/{{ end }}{{ $labels.job }}';
const FLEET = '/d/pongcheck-fleet?var-job={{ $labels.job }}';
const RESPONDER = '/d/pongcheck-responder?var-job={{ $labels.job }}&var-instance={{ $labels.instance }}';
const ofCheck = 'on (job, instance, check)';
const whole = '{{ $value | printf "%.0f" }}';
const duration = '{{ $value | humanizeDuration }}';

/** Observations of a histogram above a bound that is a whole number, in a window. */
function above(histogram: string, bound: string, window: string, total = all(`${histogram}_count`)): string {
  const labels = 'job, instance';
  const observed = `sum by (${labels}) (increase(${total}[${window}]))`;
  // Prometheus 3 writes 1 as 1.0.
  const bucket = all(`${histogram}_bucket`, `le=~"${bound}|${bound}[.]0"`);
  return `${observed} - sum by (${labels}) (increase(${bucket}[${window}]))`;
}

/** Where there is little traffic, one PING is a large part of it: an alert about a part wants more of them than this. */
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
      hint: 'Is the process alive? `pongcheck ping` and /livez tell the process from the network; a frozen loop answers neither.',
      dashboard: RESPONDER,
    },
  },
  {
    alert: 'PongcheckServiceGone',
    // Long enough for new targets to answer a scrape. An hour after the last one it ends by itself.
    expr: `group by (${SERVICE}) (last_over_time(${target}[1h]))\n  unless on (${SERVICE}) ${target}`,
    for: '5m',
    labels: { severity: 'critical' },
    annotations: {
      summary: `${SERVICE_NAME} has no responder left among the targets of Prometheus`,
      hint: 'Was it removed, or scaled to zero? Else look at its deployment, and at why service discovery no longer finds it.',
      dashboard: FLEET,
    },
  },
  {
    alert: 'PongcheckCheckFailing',
    // A check without an interval that nobody has asked for lately is no trouble.
    expr: [
      `(${all('pongcheck_check_reason', 'reason!="never-ran"')} == 1)`,
      `* ${ofCheck} group_left (status) (${all('pongcheck_check_status', 'status=~"fail|unknown"')} == 1)`,
      `* ${ofCheck} group_left (kind, critical) ${all('pongcheck_check_info')}`,
    ].join('\n  '),
    for: '1m',
    labels: { severity: '{{ if eq $labels.critical "true" }}critical{{ else }}warning{{ end }}' },
    annotations: {
      summary: `${WHERE}: check {{ $labels.check }} is {{ $labels.status }}, {{ $labels.reason }}`,
      hint: hintTemplate(hints),
      dashboard: RESPONDER,
    },
  },
  {
    alert: 'PongcheckCheckFlapping',
    expr: `increase(${all('pongcheck_check_transitions_total')}[15m]) > 5`,
    labels: { severity: 'warning' },
    annotations: {
      summary: `${WHERE}: check {{ $labels.check }} changed ${whole} times in 15 minutes`,
      hint: 'Raise its fall and rise, or its timeout where the reason is timeout; then look at what comes and goes.',
      dashboard: RESPONDER,
    },
  },
  {
    alert: 'PongcheckResultTooOld',
    // Ten seconds may be an interval; and who has set a longer max age wants it so.
    expr: [
      `(${quantile(0.9, 'pongcheck_ping_result_age_seconds')} > 10)`,
      `> on (job, instance) 2 * max by (job, instance) (${all('pongcheck_check_max_age_seconds')})`,
      severalAbove('pongcheck_ping_result_age_seconds', '10'),
    ].join('\n  '),
    for: '2m',
    labels: { severity: 'warning' },
    annotations: {
      summary: `${WHERE} answers with results that are ${duration} old, far beyond their max age`,
      hint: 'Nobody waits for runs, or they do not end: give checks an interval, PINGs a longer timeout; look at abandoned runs.',
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
      summary: `${WHERE} answers {{ $value | humanizePercentage }} of its PINGs at their deadline, with the last known status`,
      hint: 'A check takes longer than the callers wait: shorten its timeout, or give it an interval and a longer max age.',
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
      summary: `${WHERE}: one PONG in a hundred takes longer than ${duration}`,
      hint: 'Callers wait for runs: look at durations of checks; if those are short, at the event loop.',
      dashboard: RESPONDER,
    },
  },
  {
    alert: 'PongcheckRunsAbandoned',
    expr: `${all('pongcheck_check_abandoned')} > 0`,
    for: '1m',
    labels: { severity: 'warning' },
    annotations: {
      summary: `${WHERE}: ${whole} runs of check {{ $labels.check }} outlived their timeout`,
      hint: 'The check does not heed its signal, and holds sockets and memory: of a check of your own, pass the signal on.',
      dashboard: RESPONDER,
    },
  },
  {
    alert: 'PongcheckEventLoopStalled',
    expr: `${above('pongcheck_event_loop_delay_seconds', '1', '5m')} > 0.5`,
    labels: { severity: 'warning' },
    annotations: {
      summary: `${WHERE}: the event loop stood still for more than 1 s`,
      hint: 'Something computes or reads files synchronously, or the machine swaps or throttles: take a CPU profile.',
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
      hint: 'It is near its end: spread its clients over more processes, or find who asks so often.',
      dashboard: RESPONDER,
    },
  },
  {
    alert: 'PongcheckPeersRefused',
    expr: `increase(${all('pongcheck_connections_refused_total')}[5m]) > 0`,
    labels: { severity: 'warning' },
    annotations: {
      summary: `${WHERE} refused ${whole} connections in 5 minutes, {{ $labels.reason }}`,
      hint: 'Is it one peer that reconnects without end, or are there more peers than planned? GET /connections tells.',
      dashboard: RESPONDER,
    },
  },
  {
    alert: 'PongcheckConnectionsNearLimit',
    expr: `${all('pongcheck_connections')} / ${all('pongcheck_connections_limit')} > 0.8`,
    for: '2m',
    labels: { severity: 'warning' },
    annotations: {
      summary: `${WHERE}: {{ $value | humanizePercentage }} of the connections it may have are open`,
      hint: 'Raise limits.maxConnections and the limit of open files, or shorten heartbeat.idleTimeout.',
      dashboard: RESPONDER,
    },
  },
  {
    alert: 'PongcheckCertificateRunsOut',
    expr: `${all('pongcheck_tls_certificate_expiry_timestamp_seconds')} - time() < 7 * 86400`,
    for: '10m',
    labels: { severity: 'warning' },
    annotations: {
      summary: `${WHERE}: the certificate of {{ $labels.listener }} runs out in ${duration}`,
      hint: 'Renew it in its file, which is read anew every minute and at SIGHUP; nothing has to be restarted.',
      dashboard: RESPONDER,
    },
  },
  {
    alert: 'PongcheckReloadFailed',
    expr: `${all('pongcheck_config_last_reload_successful')} == 0`,
    for: '5m',
    labels: { severity: 'warning' },
    annotations: {
      summary: `${WHERE}: the last reload of its configuration failed`,
      hint: 'It goes on with the configuration before, and would not start with this one. Its log has the errors, and so has pongcheck check-config.',
      dashboard: RESPONDER,
    },
  },
  {
    alert: 'PongcheckFilesNearLimit',
    expr: `${all('process_open_fds')} / ${all('process_max_fds')} > 0.8 and on (job, instance) ${all('pongcheck_build_info')}`,
    for: '2m',
    labels: { severity: 'warning' },
    annotations: {
      summary: `${WHERE}: {{ $value | humanizePercentage }} of the files and sockets it may have are open`,
      hint: 'Raise its limit of open files (LimitNOFILE, ulimit -n) above limits.maxConnections; at the limit no check can connect either.',
      dashboard: RESPONDER,
    },
  },
];

interface Burn {
  readonly long: Window;
  readonly short: Window;
  /** How many times faster than the objective allows. */
  readonly factor: number;
  readonly severity: 'critical' | 'warning';
}

/** Fast ones wake somebody, slow ones are for the day. The short window ends the alert soon after the trouble. */
const burns: readonly Burn[] = [
  { long: '1h', short: '5m', factor: 14.4, severity: 'critical' },
  { long: '6h', short: '30m', factor: 6, severity: 'critical' },
  { long: '1d', short: '2h', factor: 3, severity: 'warning' },
  { long: '3d', short: '6h', factor: 1, severity: 'warning' },
];

const ofObjective = burns.map(({ long, short, factor, severity }): AlertRule => {
  const limit = Number((factor * (1 - OBJECTIVE)).toFixed(6));
  return {
    alert: 'PongcheckBudgetBurns',
    expr: [
      `${unreadyRatio(long)} > ${limit} and ${unreadyRatio(short)} > ${limit}`,
      // Where a limit is less than a minute, one scrape a minute could break it alone.
      ...(windows[long] * limit < 1 ? [`and ${unreadyMinutes(long)} > 3`] : []),
    ].join('\n  '),
    labels: { severity, window: long },
    annotations: {
      summary: `${SERVICE_NAME} was not ready for {{ $value | humanizePercentage }} of the last ${long}, ${factor} times what its objective allows`,
      hint: 'The other alerts tell why; this one tells how much it matters.',
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
      summary: `{{ $labels.instance }} fails its probe, {{ $labels.reason }}`,
      hint: hintTemplate(probeHints),
      dashboard: '/d/pongcheck-probe?var-job={{ $labels.job }}&var-instance={{ $labels.instance }}',
    },
  },
];

/** Alerts by the group in which they are evaluated. */
export const alertGroups: Readonly<Record<string, readonly AlertRule[]>> = {
  'pongcheck-alerts': ofResponders,
  'pongcheck-objective-alerts': ofObjective,
  'pongcheck-probe-alerts': ofProbes,
};
