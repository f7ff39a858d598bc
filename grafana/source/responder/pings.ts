import type { Row } from '../dashboard.js';
import { chosen } from '../metrics.js';
import { lines, spread } from '../panels.js';
import { buckets, by, perSecond, quantiles } from '../promql.js';

export const pings: Row = {
  title: 'PINGs',
  panels: [
    lines(
      {
        title: 'PINGs by status',
        says: 'What was answered, of all scopes. Fail is an answer: what gets none is not here.',
        unit: 'reqps',
        empty: 'nobody has asked',
      },
      [{ expr: `${by('status', perSecond('pongcheck_pings_total'))} > 0`, legend: '{{status}}' }],
      { stacked: true },
    ),
    lines(
      {
        title: 'Reply time, quantiles',
        says: 'How long PINGs waited for their PONG. A question that wants a run waits for it; a fresh answer takes microseconds.',
        unit: 's',
        empty: 'nobody has asked',
      },
      quantiles('pongcheck_ping_reply_seconds'),
    ),
    spread(
      {
        title: 'Reply time',
        says: 'The same as a heat map: two bands are those who waited for a run and those who did not.',
        unit: 's',
        empty: 'nobody has asked',
      },
      buckets('pongcheck_ping_reply_seconds'),
    ),
    lines(
      {
        title: 'Age of results',
        says: 'How old the oldest result was that an answer counted. Above the max age of the checks: answers are late.',
        unit: 's',
        empty: 'nobody has asked',
      },
      [
        ...quantiles('pongcheck_ping_result_age_seconds'),
        { expr: `max(${chosen('pongcheck_check_max_age_seconds')})`, legend: 'longest max age' },
      ],
    ),
    lines(
      {
        title: 'Stale and waiting',
        says: 'Stale: the deadline came before the run was done, and the last known status was answered.',
        unit: 'short',
        empty: 'it is not scraped',
      },
      [
        { expr: by('instance', perSecond('pongcheck_pings_stale_total')), legend: '{{instance}} stale a second' },
        { expr: by('instance', chosen('pongcheck_pings_waiting')), legend: '{{instance}} waiting' },
      ],
    ),
    lines(
      {
        title: 'Lines',
        says: 'Questions in line mode: people with nc, and load balancers.',
        unit: 'reqps',
        empty: 'it is not scraped',
      },
      [{ expr: by('word', perSecond('pongcheck_lines_total')), legend: '{{word}}' }],
    ),
  ],
};
