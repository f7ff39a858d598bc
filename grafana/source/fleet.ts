import { checkStates, states as statuses } from '../../src/health/state.js';
import { type DashboardText, dashboard } from './dashboard.js';
import { chosen } from './metrics.js';
import { lines, list, number, states } from './panels.js';
import { burnRates, OBJECTIVE, unreadyRatio } from './recording.js';
import { orDown, statusNumber } from './states.js';

const text: DashboardText = {
  uid: 'pongcheck-fleet',
  title: 'pongcheck / ProbeExporter',
  says: 'All responders at once: which are not ready, which checks fail and why, and how much of the error budget is used.',
  known: 'pongcheck_build_info',
};

const readiness = (...matchers: string[]) => chosen('pongcheck_group_status', 'group="readiness"', ...matchers);
const count = (expression: string) => `count(${expression}) or vector(0)`;

/** Why a check is not well, with what else is known of it. */
export const brokenChecks = [
  `(${chosen('pongcheck_check_reason')} == 1)`,
  `* on (job, instance, check) group_left (status) (${chosen('pongcheck_check_status')} == 1)`,
  `* on (job, instance, check) group_left (kind, critical) ${chosen('pongcheck_check_info')}`,
].join(' ');

export const fleet = dashboard(text, [
  {
    title: 'Now',
    panels: [
      number(
        {
          title: 'Ready',
          says: 'Responders whose readiness is pass or warn.',
          unit: 'none',
          empty: 'none',
        },
        count(`${readiness('status=~"pass|warn"')} == 1`),
        [[0, 'green']],
      ),
      number(
        {
          title: 'Not ready',
          says: 'Responders that answer, and say that they cannot do their work.',
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
          says: 'Responders that Prometheus could not scrape.',
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
          title: 'Checks that fail',
          says: 'Checks that are fail or unknown, of all responders.',
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
          says: 'PINGs that are answered a second, by all responders.',
          unit: 'reqps',
          empty: 'nobody asks',
        },
        `sum(rate(${chosen('pongcheck_pings_total')}[$__rate_interval]))`,
        [[0, 'blue']],
      ),
      number(
        {
          title: 'Worst burn rate',
          says: `How many times faster than the objective of ${OBJECTIVE * 100} % allows the error budget is used, over the last hour, by the worst job.`,
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
          says: 'What each responder says of itself. Down: Prometheus could not scrape it. A click opens the responder.',
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
          title: 'Checks, the worst of each job',
          says: 'The same check in all instances of a job: a dependency that all share shows as one bar.',
          unit: 'none',
          empty: 'no responder has a check',
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
    title: 'Why',
    panels: [
      list(
        {
          title: 'Checks that are not well',
          says: 'Every check that is not pass, with its reason. A click opens the responder.',
          unit: 'none',
          empty: 'all checks pass',
          width: 14,
        },
        brokenChecks,
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
          title: 'Reasons',
          says: 'Checks that are not pass, by reason. Many at once with one reason have one cause.',
          unit: 'none',
          empty: 'all checks pass',
          width: 10,
        },
        [{ expr: `sum by (reason) (${chosen('pongcheck_check_reason')}) > 0`, legend: '{{reason}}' }],
        { stacked: true },
      ),
    ],
  },
  {
    title: 'Objective',
    panels: [
      lines(
        {
          title: 'Burn rate',
          says: `1 uses the error budget of the objective of ${OBJECTIVE * 100} % up in its 30 days. The alerts are at 14.4 and 6, and at 3 and 1 over days.`,
          unit: 'none',
          empty: 'the recording rules are not loaded',
        },
        burnRates.map((window) => ({
          expr: `${unreadyRatio(window)}{job=~"$job"} / ${budget()}`,
          legend: `{{job}} over ${window}`,
        })),
      ),
      lines(
        {
          title: 'Changes of status',
          says: 'Checks that flap wear out whoever is on call: they want a higher rise or fall, or a longer timeout.',
          unit: 'none',
          empty: 'no responder has a check',
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

/** The part of the time that may be bad. */
function budget(): number {
  return Number((1 - OBJECTIVE).toFixed(6));
}
