import { reasons } from '../../src/health/reason.js';
import type { KnownMetric } from './metrics.js';

/**
 * What a scrape of `GET /probe` shows: the names of blackbox_exporter where it
 * has them, and beside them what a responder says of itself. The labels `check`
 * come from a responder that the configuration allows to be probed.
 */
export const probeRows: readonly KnownMetric[] = [
  { name: 'probe_success', type: 'gauge', help: '1 where the probe succeeded, else 0.', labels: [] },
  {
    name: 'probe_duration_seconds',
    type: 'gauge',
    help: 'How long the probe took, in seconds.',
    labels: [],
  },
  {
    name: 'probe_dns_lookup_time_seconds',
    type: 'gauge',
    help: 'How long looking up the name of the target took, in seconds.',
    labels: [],
  },
  { name: 'probe_ip_protocol', type: 'gauge', help: '4 or 6: the version of IP that was used.', labels: [] },
  {
    name: 'probe_ssl_earliest_cert_expiry',
    type: 'gauge',
    help: 'When the first certificate of the chain expires, in seconds since 1970.',
    labels: [],
  },
  {
    name: 'probe_failure_reason',
    type: 'gauge',
    help: `1 for the reason why the probe failed, 0 for the others: ${Object.keys(reasons).slice(0, 4).join(', ')}, ...`,
    labels: ['reason'],
  },
  {
    name: 'probe_pongcheck_status',
    type: 'gauge',
    help: '1 for the status that the target answered, 0 for the others.',
    labels: ['status'],
  },
  {
    name: 'probe_pongcheck_rtt_seconds',
    type: 'gauge',
    help: 'From the PING to its PONG, in seconds.',
    labels: [],
  },
  {
    name: 'probe_pongcheck_result_age_seconds',
    type: 'gauge',
    help: 'Age of the oldest result that the answer counts, in seconds.',
    labels: [],
  },
  {
    name: 'probe_pongcheck_check_status',
    type: 'gauge',
    help: '1 for the status that a check of the target has, 0 for the others.',
    labels: ['check', 'status'],
  },
  {
    name: 'probe_pongcheck_check_reason',
    type: 'gauge',
    help: '1 for the reason why a check of the target is not pass; there is no other series.',
    labels: ['check', 'reason'],
  },
];
