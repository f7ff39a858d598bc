import { states as statuses } from '../../src/health/state.js';
import { type DashboardText, dashboard } from './dashboard.js';
import { chosen } from './metrics.js';
import { lines, list, number, states } from './panels.js';
import { statusNumber } from './states.js';

const text: DashboardText = {
  uid: 'pongcheck-probe',
  title: 'pongcheck / Probe',
  description: 'Targets as seen by a prober: availability, status, and failure reasons.',
  known: 'probe_success',
};

const count = (expression: string) => `count(${expression}) or vector(0)`;

export const probe = dashboard(text, [
  {
    title: 'Now',
    panels: [
      number(
        {
          title: 'Succeeding',
          description: 'Targets whose last probe succeeded.',
          unit: 'none',
          empty: 'none',
          width: 6,
        },
        count(`${chosen('probe_success')} == 1`),
        [[0, 'green']],
      ),
      number(
        { title: 'Failing', description: 'Targets whose last probe failed.', unit: 'none', empty: 'none', width: 6 },
        count(`${chosen('probe_success')} == 0`),
        [
          [0, 'green'],
          [1, 'red'],
        ],
      ),
      number(
        {
          title: 'Not scraped',
          description: 'Targets for which the prober did not respond to Prometheus.',
          unit: 'none',
          empty: 'none',
          width: 6,
        },
        count(`${chosen('up')} == 0`),
        [
          [0, 'green'],
          [1, 'red'],
        ],
      ),
      number(
        {
          title: 'First certificate expiry',
          description: 'Time until the first certificate of a target expires.',
          unit: 's',
          empty: 'no target uses TLS',
          width: 6,
        },
        `min(${chosen('probe_ssl_earliest_cert_expiry')}) - time()`,
        [
          [0, 'red'],
          [604_800, 'yellow'],
          [2_592_000, 'green'],
        ],
      ),
    ],
  },
  {
    title: 'Status',
    panels: [
      states(
        {
          title: 'Targets',
          description: 'Status returned by each target. down: no response.',
          unit: 'none',
          empty: 'no targets',
          width: 24,
          height: 10,
        },
        [
          {
            expr: `${statusNumber((is) => chosen('probe_pongcheck_status', is), statuses, 'job, instance')} or on (job, instance) (${chosen('probe_success')} == 0)`,
            legend: '{{instance}}',
          },
        ],
      ),
      list(
        {
          title: 'Failing targets',
          description: 'Targets whose last probe failed, with the reason.',
          unit: 'none',
          empty: 'all probes succeed',
          width: 10,
        },
        `${chosen('probe_failure_reason')} == 1`,
        { job: 'job', instance: 'target', reason: 'reason' },
      ),
      list(
        {
          title: 'Checks not passing',
          description: 'Checks of the targets that do not pass.',
          unit: 'none',
          empty: 'all checks pass, or the prober receives no details',
          width: 14,
        },
        `(${chosen('probe_pongcheck_check_reason')} == 1) * on (job, instance, check) group_left (status) (${chosen('probe_pongcheck_check_status')} == 1)`,
        { job: 'job', instance: 'target', check: 'check', status: 'status', reason: 'reason' },
      ),
    ],
  },
  {
    title: 'Times',
    collapsed: true,
    panels: [
      lines(
        {
          title: 'Duration',
          description: 'Duration of the whole probe: name resolution, connection, TLS, request and response.',
          unit: 's',
          empty: 'no targets',
        },
        [{ expr: chosen('probe_duration_seconds'), legend: '{{instance}}' }],
      ),
      lines(
        {
          title: 'Round trip',
          description: 'Time from request to response, excluding connection establishment.',
          unit: 's',
          empty: 'no target has answered a PING',
        },
        [{ expr: chosen('probe_pongcheck_rtt_seconds'), legend: '{{instance}}' }],
      ),
      lines(
        {
          title: 'Result age',
          description: 'Age of the oldest check result in a response.',
          unit: 's',
          empty: 'not reported by any target',
        },
        [{ expr: chosen('probe_pongcheck_result_age_seconds'), legend: '{{instance}}' }],
      ),
      lines(
        {
          title: 'HTTP status',
          description: 'Status codes of targets with prober http.',
          unit: 'none',
          empty: 'no responses to prober http',
        },
        [{ expr: chosen('probe_http_status_code'), legend: '{{instance}}' }],
      ),
      lines(
        {
          title: 'DNS lookups and IP versions',
          description: 'Duration of the DNS lookup in seconds, and IP version 4 or 6.',
          unit: 'short',
          empty: 'no targets',
        },
        [
          { expr: chosen('probe_dns_lookup_time_seconds'), legend: '{{instance}} lookup, s' },
          { expr: chosen('probe_ip_protocol'), legend: '{{instance}} IP version' },
        ],
      ),
    ],
  },
]);
