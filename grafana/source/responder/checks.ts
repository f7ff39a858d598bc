import type { Row } from '../dashboard.js';
import { chosenChecks } from '../metrics.js';
import { lines } from '../panels.js';
import { by, perSecondOfChecks } from '../promql.js';

export const checks: Row = {
  title: 'Checks',
  panels: [
    lines(
      {
        title: 'Check duration, 95 %',
        description: '95th percentile of the run duration, which is at most the timeout of the check.',
        unit: 's',
        empty: 'no checks',
      },
      [
        {
          expr: `histogram_quantile(0.95, ${by('check, le', perSecondOfChecks('pongcheck_check_duration_seconds_bucket'))})`,
          legend: '{{check}}',
        },
      ],
    ),
    lines(
      {
        title: 'Failures by reason',
        description: 'Failed results by reason, including those that do not change the status because of fall.',
        unit: 'cps',
        empty: 'no check has failed',
      },
      [
        {
          expr: `${by('check, reason', perSecondOfChecks('pongcheck_check_failures_total'))} > 0`,
          legend: '{{check}} {{reason}}',
        },
      ],
      { stacked: true },
    ),
    lines(
      {
        title: 'Check runs',
        description: 'Runs per second. Much more than one run per interval means that clients request fresh results.',
        unit: 'cps',
        empty: 'no checks',
        width: 8,
      },
      [{ expr: by('check', perSecondOfChecks('pongcheck_check_runs_total')), legend: '{{check}}' }],
    ),
    lines(
      {
        title: 'Time since last success',
        description: 'Time since the last pass or warn result. Checks without such a result are not shown.',
        unit: 's',
        empty: 'no check has succeeded yet',
        width: 8,
      },
      [
        {
          expr: `time() - (${chosenChecks('pongcheck_check_last_success_timestamp_seconds')} > 0)`,
          legend: '{{instance}} {{check}}',
        },
      ],
    ),
    lines(
      {
        title: 'Abandoned and running',
        description:
          'Abandoned runs hold sockets and memory. A check with 3 abandoned runs starts only once every 30 s.',
        unit: 'none',
        empty: 'no checks',
        width: 8,
      },
      [
        { expr: by('check', chosenChecks('pongcheck_check_abandoned')), legend: '{{check}} abandoned' },
        { expr: by('check', chosenChecks('pongcheck_check_in_flight')), legend: '{{check}} in flight' },
      ],
    ),
    lines(
      {
        title: 'Status changes',
        description: 'Status changes per data point. Annotations in all panels mark the time of each change.',
        unit: 'none',
        empty: 'no checks',
        width: 8,
      },
      [
        {
          expr: by(
            'instance, check',
            `increase(${chosenChecks('pongcheck_check_transitions_total')}[$__rate_interval])`,
          ),
          legend: '{{instance}} {{check}}',
        },
      ],
    ),
    lines(
      {
        title: 'Time in the current status',
        description: 'Time since the last status change.',
        unit: 's',
        empty: 'no checks',
        width: 8,
      },
      [
        {
          expr: `time() - (${chosenChecks('pongcheck_check_state_since_timestamp_seconds')} > 0)`,
          legend: '{{instance}} {{check}}',
        },
      ],
    ),
    lines(
      {
        title: 'Consecutive results',
        description: 'Consecutive good or bad results. The status changes after `rise` good or `fall` bad results.',
        unit: 'none',
        empty: 'no checks',
        width: 8,
      },
      [
        {
          expr: `${chosenChecks('pongcheck_check_consecutive_results')} > 0`,
          legend: '{{instance}} {{check}} {{result}}',
        },
      ],
    ),
  ],
};
