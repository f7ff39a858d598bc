import type { Row } from '../dashboard.js';
import { chosen } from '../metrics.js';
import { lines } from '../panels.js';
import { by, perSecond, quantile } from '../promql.js';

export const checks: Row = {
  title: 'Checks',
  panels: [
    lines(
      {
        title: 'Duration, 95 %',
        says: 'At the timeout of the check it does not get longer.',
        unit: 's',
        empty: 'it has no check',
      },
      [{ expr: quantile(0.95, 'pongcheck_check_duration_seconds', 'check'), legend: '{{check}}' }],
    ),
    lines(
      {
        title: 'Failures by reason',
        says: 'Single results, also those that do not flip the status because of fall.',
        unit: 'cps',
        empty: 'no check has failed',
      },
      [
        {
          expr: `${by('check, reason', perSecond('pongcheck_check_failures_total'))} > 0`,
          legend: '{{check}} {{reason}}',
        },
      ],
      { stacked: true },
    ),
    lines(
      {
        title: 'Runs',
        says: 'Runs a second. Far above one an interval: somebody asks for fresh results.',
        unit: 'cps',
        empty: 'it has no check',
        width: 8,
      },
      [{ expr: by('check', perSecond('pongcheck_check_runs_total')), legend: '{{check}}' }],
    ),
    lines(
      {
        title: 'Since the last success',
        says: 'How long ago a check was last pass or warn. One that never was is not shown.',
        unit: 's',
        empty: 'no check has succeeded yet',
        width: 8,
      },
      [
        {
          expr: `time() - (${chosen('pongcheck_check_last_success_timestamp_seconds')} > 0)`,
          legend: '{{instance}} {{check}}',
        },
      ],
    ),
    lines(
      {
        title: 'Abandoned and in flight',
        says: 'Abandoned runs hold sockets and memory; at 3 of a check no more are started beside them, but one every 30 s.',
        unit: 'none',
        empty: 'it has no check',
        width: 8,
      },
      [
        { expr: by('check', chosen('pongcheck_check_abandoned')), legend: '{{check}} abandoned' },
        { expr: by('check', chosen('pongcheck_check_in_flight')), legend: '{{check}} in flight' },
      ],
    ),
    lines(
      {
        title: 'Changes of status',
        says: 'How often the status that counts has changed, in the time of one point.',
        unit: 'none',
        empty: 'it has no check',
        width: 24,
        height: 6,
      },
      [
        {
          expr: by('instance, check', `increase(${chosen('pongcheck_check_transitions_total')}[$__rate_interval])`),
          legend: '{{instance}} {{check}}',
        },
      ],
    ),
  ],
};
