import type { Row } from '../dashboard.js';
import { chosen } from '../metrics.js';
import { lines } from '../panels.js';
import { by } from '../promql.js';

export const fleet: Row = {
  title: 'Fleet',
  collapsed: true,
  panels: [
    lines(
      {
        title: 'Responders by state',
        description: 'Responders on the page GET /fleet, which also shows their common causes.',
        unit: 'none',
        empty: 'no fleet',
        width: 24,
      },
      [{ expr: by('state', chosen('pongcheck_fleet_responders')), legend: '{{state}}' }],
      { stacked: true },
    ),
  ],
};
