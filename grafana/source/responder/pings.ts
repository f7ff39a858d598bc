import type { Row } from '../dashboard.js';
import { chosen, chosenChecks } from '../metrics.js';
import { lines, spread } from '../panels.js';
import { buckets, by, perSecond, quantiles } from '../promql.js';

export const pings: Row = {
  title: 'PINGs',
  panels: [
    lines(
      {
        title: 'PINGs by status',
        description: 'Answered PINGs of all scopes. Unanswered PINGs are not included.',
        unit: 'reqps',
        empty: 'no PINGs',
      },
      [{ expr: `${by('status', perSecond('pongcheck_pings_total'))} > 0`, legend: '{{status}}' }],
      { stacked: true },
    ),
    lines(
      {
        title: 'Reply time, quantiles',
        description:
          'Time from PING to PONG. A PING that requires a run waits for it. A cached answer takes microseconds.',
        unit: 's',
        empty: 'no PINGs',
      },
      quantiles('pongcheck_ping_reply_seconds'),
    ),
    spread(
      {
        title: 'Reply time',
        description:
          'Time from PING to PONG, as a heat map. Two bands indicate PINGs that waited for a run and PINGs that did not.',
        unit: 's',
        empty: 'no PINGs',
      },
      buckets('pongcheck_ping_reply_seconds'),
    ),
    lines(
      {
        title: 'Result age',
        description:
          'Age of the oldest check result in a PONG. If it exceeds the max age of the checks, runs are late.',
        unit: 's',
        empty: 'no PINGs',
      },
      [
        ...quantiles('pongcheck_ping_result_age_seconds'),
        { expr: `max(${chosenChecks('pongcheck_check_max_age_seconds')})`, legend: 'longest max age' },
      ],
    ),
    lines(
      {
        title: 'Stale and waiting',
        description: 'Stale: the deadline passed before the run was complete, so the last known status was returned.',
        unit: 'short',
        empty: 'not scraped',
      },
      [
        { expr: by('instance', perSecond('pongcheck_pings_stale_total')), legend: '{{instance}} stale per second' },
        { expr: by('instance', chosen('pongcheck_pings_waiting')), legend: '{{instance}} waiting' },
      ],
    ),
    lines(
      {
        title: 'Requests in line mode',
        description: 'Requests in line mode, by first word. Load balancers send most of them.',
        unit: 'reqps',
        empty: 'not scraped',
      },
      [{ expr: by('word', perSecond('pongcheck_lines_total')), legend: '{{word}}' }],
    ),
    lines(
      {
        title: 'Watches',
        description: 'Open WATCHes, and the number of distinct check lists that they watch.',
        unit: 'none',
        empty: 'not scraped',
      },
      [
        { expr: chosen('pongcheck_watches'), legend: '{{instance}} watches' },
        { expr: chosen('pongcheck_watched_selections'), legend: '{{instance}} check lists' },
      ],
    ),
    lines(
      {
        title: 'STATUS frames by status',
        description: 'Status changes sent to WATCHes.',
        unit: 'cps',
        empty: 'no STATUS frames sent',
      },
      [{ expr: `${by('status', perSecond('pongcheck_statuses_total'))} > 0`, legend: '{{status}}' }],
      { stacked: true },
    ),
  ],
};
