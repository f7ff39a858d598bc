import { checkStates, states as statuses } from '../../../src/health/state.js';
import type { Row } from '../dashboard.js';
import { brokenChecks } from '../fleet.js';
import { chosen } from '../metrics.js';
import { list, states } from '../panels.js';
import { orDown, statusNumber } from '../states.js';

export const status: Row = {
  title: 'Status',
  panels: [
    states(
      {
        title: 'Groups',
        says: 'What it says of each group of its checks. Down: Prometheus could not scrape it.',
        unit: 'none',
        empty: 'it is not scraped',
      },
      [
        {
          expr: orDown(
            statusNumber(
              (is) => chosen('pongcheck_group_status', is),
              statuses.filter((state) => state !== 'not-found'),
              'job, instance, group',
            ),
            chosen('up'),
          ),
          legend: '{{instance}} {{group}}',
        },
      ],
    ),
    states(
      {
        title: 'Checks',
        says: 'The status that counts of each check, after rise and fall.',
        unit: 'none',
        empty: 'it has no check',
      },
      [
        {
          expr: statusNumber((is) => chosen('pongcheck_check_status', is), checkStates, 'job, instance, check'),
          legend: '{{instance}} {{check}}',
        },
      ],
    ),
    list(
      {
        title: 'Why',
        says: 'Every check that is not pass, with its reason. The description behind it is at /health, for who may see detail.',
        unit: 'none',
        empty: 'all checks pass',
        width: 16,
      },
      brokenChecks,
      { instance: 'instance', check: 'check', status: 'status', reason: 'reason', critical: 'critical' },
    ),
    list(
      {
        title: 'Build',
        says: 'Which version runs where.',
        unit: 'none',
        empty: 'it is not scraped',
        width: 8,
      },
      chosen('pongcheck_build_info'),
      { instance: 'instance', version: 'pongcheck', node: 'Node.js' },
    ),
  ],
};
