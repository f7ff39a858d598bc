import { states as statuses } from '../../src/health/state.js';
import { type DashboardText, dashboard } from './dashboard.js';
import { chosen } from './metrics.js';
import { lines, list, number, states } from './panels.js';
import { statusNumber } from './states.js';

const text: DashboardText = {
  uid: 'pongcheck-probe',
  title: 'pongcheck / Probe',
  says: 'Targets as a prober sees them from outside: whether they answer, what they say, and why they do not.',
  known: 'probe_success',
};

const count = (expression: string) => `count(${expression}) or vector(0)`;

export const probe = dashboard(text, [
  {
    title: 'Now',
    panels: [
      number(
        { title: 'Answer', says: 'Targets whose last probe succeeded.', unit: 'none', empty: 'none', width: 6 },
        count(`${chosen('probe_success')} == 1`),
        [[0, 'green']],
      ),
      number(
        { title: 'Fail', says: 'Targets whose last probe failed.', unit: 'none', empty: 'none', width: 6 },
        count(`${chosen('probe_success')} == 0`),
        [
          [0, 'green'],
          [1, 'red'],
        ],
      ),
      number(
        {
          title: 'Not scraped',
          says: 'Targets of which Prometheus got no answer from the prober itself.',
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
          title: 'First certificate to expire',
          says: 'Of all targets with TLS.',
          unit: 's',
          empty: 'no target has TLS',
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
          says: 'What each target answered. Down: it did not.',
          unit: 'none',
          empty: 'nothing is probed',
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
          title: 'Targets that fail',
          says: 'Why a probe failed.',
          unit: 'none',
          empty: 'all targets answer',
          width: 10,
        },
        `${chosen('probe_failure_reason')} == 1`,
        { job: 'job', instance: 'target', reason: 'reason' },
      ),
      list(
        {
          title: 'Checks that are not well',
          says: 'What the targets say of their own checks.',
          unit: 'none',
          empty: 'all checks pass, or no detail is shown to the prober',
          width: 14,
        },
        `(${chosen('probe_pongcheck_check_reason')} == 1) * on (job, instance, check) group_left (status) (${chosen('probe_pongcheck_check_status')} == 1)`,
        { job: 'job', instance: 'target', check: 'check', status: 'status', reason: 'reason' },
      ),
    ],
  },
  {
    title: 'Times',
    panels: [
      lines(
        {
          title: 'Duration',
          says: 'The whole probe: name, connection, TLS, question and answer.',
          unit: 's',
          empty: 'nothing is probed',
        },
        [{ expr: chosen('probe_duration_seconds'), legend: '{{instance}}' }],
      ),
      lines(
        {
          title: 'Round trip',
          says: 'The PING alone.',
          unit: 's',
          empty: 'no target has answered a PING',
        },
        [{ expr: chosen('probe_pongcheck_rtt_seconds'), legend: '{{instance}}' }],
      ),
      lines(
        {
          title: 'Age of results',
          says: 'How old the oldest result is that an answer counts.',
          unit: 's',
          empty: 'no target has told it',
        },
        [{ expr: chosen('probe_pongcheck_result_age_seconds'), legend: '{{instance}}' }],
      ),
      lines(
        {
          title: 'HTTP status',
          says: 'What targets answered that are asked by HTTP.',
          unit: 'none',
          empty: 'no target was asked by HTTP, or none has answered',
        },
        [{ expr: chosen('probe_http_status_code'), legend: '{{instance}}' }],
      ),
      lines(
        {
          title: 'Name look-ups and IP versions',
          says: 'The seconds of a look-up, and 4 or 6.',
          unit: 'short',
          empty: 'nothing is probed',
        },
        [
          { expr: chosen('probe_dns_lookup_time_seconds'), legend: '{{instance}} look-up, s' },
          { expr: chosen('probe_ip_protocol'), legend: '{{instance}} IP version' },
        ],
      ),
    ],
  },
]);
