import { checkStates, states as statuses } from '../../src/health/state.js';
import { metricRows } from '../../src/metrics/table.js';
import { type DashboardText, dashboard, type Row } from './dashboard.js';
import { brokenChecks } from './fleet.js';
import { chosen, seriesIn } from './metrics.js';
import { lines, list, type PanelText, spread, states } from './panels.js';
import { orDown, statusNumber } from './states.js';

const text: DashboardText = {
  uid: 'pongcheck-responder',
  title: 'pongcheck / Responder',
  says: 'One responder: what it says, how fast and how old its answers are, what its checks cost, and how its connections end.',
  known: 'pongcheck_build_info',
};

const perSecond = (name: string, ...matchers: string[]) => `rate(${chosen(name, ...matchers)}[$__rate_interval])`;
const by = (label: string, expression: string) => `sum by (${label}) (${expression})`;
const quantile = (part: number, name: string, label?: string) =>
  `histogram_quantile(${part}, ${by(label ? `${label}, le` : 'le', perSecond(`${name}_bucket`))})`;
const quantiles = (name: string) =>
  [0.5, 0.9, 0.99].map((part) => ({ expr: quantile(part, name), legend: `${part * 100} %` }));

const status: Row = {
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
        says: 'Every check that is not pass, with its reason. The sentence behind it is at /health, for who may see detail.',
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

const pings: Row = {
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
      by('le', perSecond('pongcheck_ping_reply_seconds_bucket')),
    ),
    lines(
      {
        title: 'Age of results',
        says: 'How old the oldest result was that an answer counted. Above the max age of the checks: answers are late.',
        unit: 's',
        empty: 'nobody has asked',
      },
      quantiles('pongcheck_ping_result_age_seconds'),
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

const checks: Row = {
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
  ],
};

const connections: Row = {
  title: 'Connections',
  panels: [
    lines(
      {
        title: 'Open',
        says: 'At the limit newcomers are closed at accept, without a word.',
        unit: 'none',
        empty: 'it is not scraped',
        width: 8,
      },
      [
        { expr: chosen('pongcheck_connections'), legend: '{{instance}} open' },
        { expr: chosen('pongcheck_connections_limit'), legend: '{{instance}} limit' },
      ],
    ),
    lines(
      {
        title: 'Ended, by reason',
        says: 'Dead: the heartbeat was not answered. Load balancers that check end most of theirs with client-reset.',
        unit: 'cps',
        empty: 'no connection has ended',
        width: 8,
      },
      [
        {
          expr: `${by('reason', perSecond('pongcheck_connections_closed_total'))} > 0`,
          legend: '{{reason}}',
        },
      ],
      { stacked: true },
    ),
    lines(
      {
        title: 'Accepted and refused',
        says: 'Refused ones met a limit of connections.',
        unit: 'cps',
        empty: 'it is not scraped',
        width: 8,
      },
      [
        { expr: by('instance', perSecond('pongcheck_connections_accepted_total')), legend: '{{instance}} accepted' },
        { expr: by('reason', perSecond('pongcheck_connections_refused_total')), legend: 'refused: {{reason}}' },
      ],
    ),
    lines(
      {
        title: 'Protocol errors',
        says: 'ERROR frames that were sent, by code. Scanners make some; a client of ours should make none.',
        unit: 'cps',
        empty: 'no ERROR was sent',
        width: 8,
      },
      [{ expr: `${by('code', perSecond('pongcheck_protocol_errors_total'))} > 0`, legend: '{{code}}' }],
      { stacked: true },
    ),
    lines(
      {
        title: 'Reading paused',
        says: 'Peers that ask faster than they read or than checks run, by the bound that held them.',
        unit: 'cps',
        empty: 'it is not scraped',
        width: 8,
      },
      [{ expr: by('bound', perSecond('pongcheck_reading_paused_total')), legend: '{{bound}}' }],
    ),
    lines(
      {
        title: 'Octets',
        says: 'Over all connections. A bare PING and its PONG are 16 octets each way.',
        unit: 'Bps',
        empty: 'it is not scraped',
        width: 8,
      },
      [{ expr: by('direction', perSecond('pongcheck_transferred_bytes_total')), legend: '{{direction}}' }],
    ),
  ],
};

const loop: Row = {
  title: 'Event loop',
  panels: [
    spread(
      {
        title: 'Delay',
        says: 'How long the loop kept everybody waiting. What is above 1 s makes answers late, and heartbeats too.',
        unit: 's',
        empty: 'it is not scraped',
      },
      by('le', perSecond('pongcheck_event_loop_delay_seconds_bucket')),
    ),
    lines(
      {
        title: 'Busy',
        says: 'The part of the time that the loop does not wait. At 1 there is nothing left.',
        unit: 'percentunit',
        empty: 'it is not scraped',
      },
      [{ expr: perSecond('pongcheck_event_loop_busy_seconds_total'), legend: '{{instance}}' }],
      { most: 1 },
    ),
  ],
};

const process: Row = {
  title: 'Process',
  panels: [
    lines(
      {
        title: 'Memory',
        says: 'It stays flat under a steady load. Abandoned runs and slow peers make it grow.',
        unit: 'bytes',
        empty: 'the process does not tell it',
        width: 6,
      },
      [{ expr: chosen('process_resident_memory_bytes'), legend: '{{instance}}' }],
    ),
    lines(
      {
        title: 'Processor',
        says: 'Of all cores together; 1 is one core.',
        unit: 'percentunit',
        empty: 'the process does not tell it',
        width: 6,
      },
      [{ expr: perSecond('process_cpu_seconds_total'), legend: '{{instance}}' }],
    ),
    lines(
      {
        title: 'Open files',
        says: 'Connections count, also those of the checks. At the limit nobody is accepted, and no check can connect.',
        unit: 'none',
        empty: 'the process does not tell it',
        width: 6,
      },
      [
        { expr: chosen('process_open_fds'), legend: '{{instance}} open' },
        { expr: chosen('process_max_fds'), legend: '{{instance}} limit' },
      ],
    ),
    lines(
      {
        title: 'Running since',
        says: 'Where it falls, the process was started anew.',
        unit: 's',
        empty: 'the process does not tell it',
        width: 6,
      },
      [{ expr: `time() - ${chosen('process_start_time_seconds')}`, legend: '{{instance}}' }],
    ),
  ],
};

const drawn = [status, pings, checks, connections, loop, process];

/** A metric that nobody has given a place to has one all the same. */
const others = metricRows.filter(({ name }) => !shown(drawn).has(name)).map(plain);

export const responder = dashboard(text, [...drawn, ...(others.length > 0 ? [{ title: 'More', panels: others }] : [])]);

function shown(rows: readonly Row[]): Set<string> {
  const targets = rows.flatMap(({ panels }) => panels.flatMap((panel) => panel.build().targets ?? []));
  const names = targets.flatMap((target) => seriesIn((target as { expr?: string }).expr ?? ''));
  return new Set(names.map((name) => name.replace(/_(bucket|sum|count)$/, '')));
}

/** The panel of a metric by its type: counters as rates, gauges as they are, histograms as a heat map. */
function plain({ name, type, labels }: (typeof metricRows)[number]) {
  const seconds = /_seconds(_|$)/.test(name);
  const panel: PanelText = {
    title: sentence(name),
    says: `By ${['instance', ...labels].join(', ')}.`,
    unit: seconds ? 's' : 'short',
    empty: 'it is not scraped',
    width: 8,
  };
  const legend = ['instance', ...labels].map((label) => `{{${label}}}`).join(' ');
  switch (type) {
    case 'counter':
      return lines({ ...panel, unit: seconds ? 'percentunit' : 'cps' }, [{ expr: perSecond(name), legend }]);
    case 'gauge':
      return lines(panel, [
        { expr: name.includes('_timestamp_') ? `time() - (${chosen(name)} > 0)` : chosen(name), legend },
      ]);
    case 'histogram':
      return spread(panel, by('le', perSecond(`${name}_bucket`)));
  }
}

function sentence(name: string): string {
  const words = name.replace(/^pongcheck_/, '').replace(/(_timestamp)?(_seconds)?(_total)?$/, '');
  return words.charAt(0).toUpperCase() + words.slice(1).replaceAll('_', ' ');
}
