import { checkStates, states as statuses } from '../../../src/health/state.js';
import type { Row } from '../dashboard.js';
import { brokenChecks } from '../fleet.js';
import { chosen, chosenChecks } from '../metrics.js';
import { list, states } from '../panels.js';
import { orDown, statusNumber } from '../states.js';

export const status: Row = {
  title: 'Status',
  panels: [
    states(
      {
        title: 'Groups',
        description: 'Status of each check group. down: Prometheus cannot scrape the responder.',
        unit: 'none',
        empty: 'not scraped',
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
        description: 'Status of each check, after rise and fall.',
        unit: 'none',
        empty: 'no checks',
      },
      [
        {
          expr: statusNumber((is) => chosenChecks('pongcheck_check_status', is), checkStates, 'job, instance, check'),
          legend: '{{instance}} {{check}}',
        },
      ],
    ),
    list(
      {
        title: 'Checks not passing',
        description:
          'All checks that do not pass, with the reason. /health shows the output of the check to clients that may see details.',
        unit: 'none',
        empty: 'all checks pass',
        width: 16,
      },
      brokenChecks(chosenChecks),
      { instance: 'instance', check: 'check', status: 'status', reason: 'reason', critical: 'critical' },
    ),
    list(
      {
        title: 'Build',
        description: 'Versions of pongcheck and Node.js, by instance.',
        unit: 'none',
        empty: 'not scraped',
        width: 8,
      },
      chosen('pongcheck_build_info'),
      { instance: 'instance', version: 'pongcheck', node: 'Node.js' },
    ),
  ],
};
