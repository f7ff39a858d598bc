import { checkStates, states } from '../health/state.js';
import { failureReasons } from './result.js';

/** A metric of `GET /probe`. Those that blackbox_exporter has too keep its names. */
export interface ProbeMetric {
  readonly name: string;
  readonly type: 'gauge';
  readonly help: string;
  readonly labels: readonly string[];
}

const words = (list: readonly string[]) => list.join(', ');

export const probeMetrics = [
  gauge('probe_success', '1 where the probe succeeded, else 0.'),
  gauge('probe_duration_seconds', 'How long the probe took, in seconds.'),
  gauge(
    'probe_failure_reason',
    `1 for the reason why the probe failed, 0 for the others: ${words(failureReasons)}.`,
    'reason',
  ),
  gauge(
    'probe_dns_lookup_time_seconds',
    'How long looking up the name of the target took, in seconds; 0 where there was none.',
  ),
  gauge('probe_ip_protocol', '4 or 6: the version of IP that was used.'),
  gauge('probe_ssl_earliest_cert_expiry', 'When the first certificate of the chain expires, in seconds since 1970.'),
  gauge('probe_http_status_code', 'The status of the answer of a target that was asked by HTTP.'),
  gauge(
    'probe_pongcheck_status',
    `1 for the status that the target answered, 0 for the others: ${words(states)}.`,
    'status',
  ),
  gauge('probe_pongcheck_rtt_seconds', 'From the question to its answer, in seconds.'),
  gauge('probe_pongcheck_result_age_seconds', 'Age of the oldest result that the answer counts, in seconds.'),
  gauge(
    'probe_pongcheck_check_status',
    `1 for the status that a check of the target has, 0 for the others: ${words(checkStates)}.`,
    'check',
    'status',
  ),
  gauge(
    'probe_pongcheck_check_reason',
    '1 for the reason why a check of the target is not pass; there is no other series.',
    'check',
    'reason',
  ),
] as const;

function gauge<N extends string>(name: N, help: string, ...labels: string[]): ProbeMetric & { readonly name: N } {
  return { name, type: 'gauge', help, labels };
}
