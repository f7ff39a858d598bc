import type { Row } from '../dashboard.js';
import { chosenChecks } from '../metrics.js';
import { lines, shares } from '../panels.js';
import { by } from '../promql.js';

/**
 * Share of successful scrapes in which a check was pass or warn. The status is 0 or 1, so its average over time is a share,
 * and no recording rule is needed.
 */
function healthy(labels: string, window: string): string {
  return by(labels, `avg_over_time(${chosenChecks('pongcheck_check_status', 'status=~"pass|warn"')}[${window}])`);
}

export const availability: Row = {
  title: 'Availability',
  panels: [
    shares(
      {
        title: 'Availability by check',
        description:
          'Share of time during which a check was pass or warn, over the last hour, the last 24 hours and the selected time range. Times without a successful scrape do not count.',
        unit: 'percentunit',
        empty: 'no checks',
      },
      {
        '1 h': healthy('job, instance, check', '1h'),
        '24 h': healthy('job, instance, check', '24h'),
        'Selected range': healthy('job, instance, check', '$__range'),
      },
      { check: 'check', instance: 'instance' },
    ),
    lines(
      {
        title: 'Availability over 1 h',
        description: 'Share of time during which a check was pass or warn, over the hour before each data point.',
        unit: 'percentunit',
        empty: 'no checks',
      },
      [{ expr: healthy('instance, check', '1h'), legend: '{{instance}} {{check}}' }],
      { most: 1 },
    ),
  ],
};
