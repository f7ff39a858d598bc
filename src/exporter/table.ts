import { checkStates, states } from '../health/state.js';
import { failureReasons } from './result.js';

/** A metric of `GET /probe`. Metrics that also exist in blackbox_exporter have the same names. */
export interface ProbeMetric {
  readonly name: string;
  readonly type: 'gauge';
  readonly help: string;
  readonly labels: readonly string[];
}

export const probeMetrics = [
  gauge('probe_success', '1 if the probe succeeded, 0 otherwise.'),
  gauge('probe_duration_seconds', 'Duration of the probe, in seconds.'),
  gauge(
    'probe_failure_reason',
    `1 for the reason of the failure, 0 for the others: ${failureReasons.join(', ')}.`,
    'reason',
  ),
  gauge('probe_dns_lookup_time_seconds', 'Duration of the DNS lookup, in seconds; 0 without a lookup.'),
  gauge('probe_ip_protocol', 'IP version of the connection: 4 or 6.'),
  gauge('probe_ssl_earliest_cert_expiry', 'Earliest expiry of the certificate chain, in seconds since 1970.'),
  gauge('probe_http_status_code', 'HTTP status code of the response (http prober).'),
  gauge(
    'probe_pongcheck_status',
    `1 for the status that the target returned, 0 for the others: ${states.join(', ')}.`,
    'status',
  ),
  gauge('probe_pongcheck_rtt_seconds', 'Time from request to response, in seconds.'),
  gauge('probe_pongcheck_result_age_seconds', 'Age of the oldest check result in the response, in seconds.'),
  gauge(
    'probe_pongcheck_check_status',
    `1 for the status of a check of the target, 0 for the others: ${checkStates.join(', ')}.`,
    'check',
    'status',
  ),
  gauge(
    'probe_pongcheck_check_reason',
    '1 for the reason of a check of the target that is not pass; other reasons have no series.',
    'check',
    'reason',
  ),
] as const;

function gauge<N extends string>(name: N, help: string, ...labels: string[]): ProbeMetric & { readonly name: N } {
  return { name, type: 'gauge', help, labels };
}
