import type { Row } from '../dashboard.js';
import { chosenChecks } from '../metrics.js';
import { lines, shares } from '../panels.js';
import { by } from '../promql.js';

/**
 * Share of the scrapes in which a check was pass or warn. Scrapes that failed do not count. The status is 0 or 1, so
 * that an average over time is a share, and no rule has to record it.
 */
function healthy(labels: string, window: string): string {
  return by(labels, `avg_over_time(${chosenChecks('pongcheck_check_status', 'status=~"pass|warn"')}[${window}])`);
}

export const availability: Row = {
  title: 'Availability',
  panels: [
    shares(
      {
        title: 'Time healthy by check',
        description:
          'Share of the time in which a check was pass or warn, while the responder could be scraped: in the last hour, in 24 hours, and in the selected time range.',
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
        title: 'Time healthy over 1 h',
        description: 'The same share over the hour before each data point.',
        unit: 'percentunit',
        empty: 'no checks',
      },
      [{ expr: healthy('instance, check', '1h'), legend: '{{instance}} {{check}}' }],
      { most: 1 },
    ),
  ],
};
