import { checkStates, states as statuses } from '../../src/health/state.js';
import { type DashboardText, dashboard } from './dashboard.js';
import { chosen } from './metrics.js';
import { lines, list, number, shares, states } from './panels.js';
import { availabilities, burnRates, OBJECTIVE, unreadyRatio } from './recording.js';
import { orDown, statusNumber } from './states.js';

const text: DashboardText = {
  uid: 'pongcheck-fleet',
  title: 'pongcheck / Fleet',
  description: 'All responders: readiness, failing checks with reasons, and error budget.',
  known: 'pongcheck_build_info',
};

const readiness = (...matchers: string[]) => chosen('pongcheck_group_status', 'group="readiness"', ...matchers);
const count = (expression: string) => `count(${expression}) or vector(0)`;

/** Reasons of checks that do not pass, with status, kind and criticality. `select` returns the series of a metric. */
export const brokenChecks = (select: typeof chosen): string =>
  [
    `(${select('pongcheck_check_reason')} == 1)`,
    `* on (job, instance, check) group_left (status) (${select('pongcheck_check_status')} == 1)`,
    `* on (job, instance, check) group_left (kind, critical) ${select('pongcheck_check_info')}`,
  ].join(' ');

export const fleet = dashboard(text, [
  {
    title: 'Now',
    panels: [
      number(
        {
          title: 'Ready',
          description: 'Responders whose readiness is pass or warn.',
          unit: 'none',
          empty: 'none',
        },
        count(`${readiness('status=~"pass|warn"')} == 1`),
        [[0, 'green']],
      ),
      number(
        {
          title: 'Not ready',
          description: 'Responders that respond, but whose readiness is not pass or warn.',
          unit: 'none',
          empty: 'none',
        },
        count(`${readiness('status!~"pass|warn"')} == 1`),
        [
          [0, 'green'],
          [1, 'red'],
        ],
      ),
      number(
        {
          title: 'Down',
          description: 'Responders that Prometheus cannot scrape.',
          unit: 'none',
          empty: 'none',
        },
        count(`${chosen('up')} == 0`),
        [
          [0, 'green'],
          [1, 'red'],
        ],
      ),
      number(
        {
          title: 'Failing checks',
          description: 'Checks that are fail or unknown, on all responders.',
          unit: 'none',
          empty: 'none',
        },
        count(`${chosen('pongcheck_check_status', 'status=~"fail|unknown"')} == 1`),
        [
          [0, 'green'],
          [1, 'red'],
        ],
      ),
      number(
        {
          title: 'PINGs',
          description: 'Answered PINGs per second, on all responders.',
          unit: 'reqps',
          empty: 'no PINGs',
        },
        `sum(rate(${chosen('pongcheck_pings_total')}[$__rate_interval]))`,
        [[0, 'blue']],
      ),
      number(
        {
          title: 'Worst burn rate',
          description: `Error budget burn rate of the worst job over the last hour. A rate of 1 uses up the budget of the ${OBJECTIVE * 100} % objective in 30 days.`,
          unit: 'none',
          empty: 'no rules',
        },
        `max(${unreadyRatio('1h')}{job=~"$job"}) / ${budget()}`,
        [
          [0, 'green'],
          [1, 'yellow'],
          [14.4, 'red'],
        ],
      ),
    ],
  },
  {
    title: 'Status',
    panels: [
      states(
        {
          title: 'Readiness by service',
          description: 'Readiness of each responder. down: Prometheus cannot scrape it. Click to open the responder.',
          unit: 'none',
          empty: 'no responder is scraped',
          width: 24,
          height: 9,
        },
        [
          {
            expr: orDown(
              statusNumber(
                readiness,
                statuses.filter((status) => status !== 'not-found'),
                'job, instance',
              ),
              chosen('up'),
            ),
            legend: '{{job}} {{instance}}',
          },
        ],
        { leads: true },
      ),
      states(
        {
          title: 'Worst check status by job',
          description: 'The worst status of each check over all instances of a job.',
          unit: 'none',
          empty: 'no checks',
          width: 24,
          height: 9,
        },
        [
          {
            expr: statusNumber((status) => chosen('pongcheck_check_status', status), checkStates, 'job, check'),
            legend: '{{job}} {{check}}',
          },
        ],
      ),
    ],
  },
  {
    title: 'Causes',
    panels: [
      list(
        {
          title: 'Checks not passing',
          description: 'All checks that do not pass, with the reason. Click to open the responder.',
          unit: 'none',
          empty: 'all checks pass',
          width: 14,
        },
        brokenChecks(chosen),
        {
          job: 'job',
          instance: 'instance',
          check: 'check',
          status: 'status',
          reason: 'reason',
          kind: 'kind',
          critical: 'critical',
        },
        { leads: true },
      ),
      lines(
        {
          title: 'Checks not passing by reason',
          description:
            'Number of checks that do not pass, by reason. Many checks with the same reason usually have one cause.',
          unit: 'none',
          empty: 'all checks pass',
          width: 10,
        },
        [{ expr: `sum by (reason) (${chosen('pongcheck_check_reason')}) > 0`, legend: '{{reason}}' }],
        { stacked: true },
      ),
      lines(
        {
          title: 'Blocked event loops',
          description: 'Event loop stalls during which a responder failed readiness or liveness.',
          unit: 'none',
          empty: 'no responder has PING threads',
          width: 14,
        },
        [
          {
            expr: `sum by (job, instance, scope) (increase(${chosen('pongcheck_event_loop_stalls_total')}[$__rate_interval])) > 0`,
            legend: '{{job}} {{instance}} {{scope}}',
          },
        ],
      ),
      list(
        {
          title: 'Threads not responding',
          description: 'PINGs on the connections of these threads are not answered.',
          unit: 'none',
          empty: 'all threads respond',
          width: 10,
        },
        `${chosen('pongcheck_thread_up')} == 0`,
        { job: 'job', instance: 'instance', thread: 'thread' },
        { leads: true },
      ),
    ],
  },
  {
    title: 'Objective',
    panels: [
      lines(
        {
          title: 'Burn rate',
          description: `A burn rate of 1 uses up the error budget of the ${OBJECTIVE * 100} % objective in 30 days. Alerts fire at 14.4 over 1 h, 6 over 6 h, 3 over 1 d and 1 over 3 d.`,
          unit: 'none',
          empty: 'the recording rules are not loaded',
        },
        burnRates.map((window) => ({
          expr: `${unreadyRatio(window)}{job=~"$job"} / ${budget()}`,
          legend: `{{job}} over ${window}`,
        })),
      ),
      shares(
        {
          title: 'Service availability',
          description:
            'Average share of time during which the responders of a job were ready. Draining counts as ready, down as not ready. Times without data count as ready.',
          unit: 'percentunit',
          empty: 'the recording rules are not loaded',
        },
        Object.fromEntries(availabilities.map((window) => [window, `1 - ${unreadyRatio(window)}{job=~"$job"}`])),
        { namespace: 'namespace', job: 'job' },
      ),
      lines(
        {
          title: 'Status changes',
          description: 'Status changes by check. If a check flaps, increase its rise, fall or timeout.',
          unit: 'none',
          empty: 'no checks',
          width: 24,
        },
        [
          {
            expr: `sum by (job, check) (increase(${chosen('pongcheck_check_transitions_total')}[$__rate_interval]))`,
            legend: '{{job}} {{check}}',
          },
        ],
      ),
    ],
  },
]);

/** Fraction of time during which a service may be not ready. */
function budget(): number {
  return Number((1 - OBJECTIVE).toFixed(6));
}
