import type { Row } from '../dashboard.js';
import { chosen } from '../metrics.js';
import { lines } from '../panels.js';
import { by, perSecond } from '../promql.js';

export const http: Row = {
  title: 'HTTP',
  collapsed: true,
  panels: [
    lines(
      {
        title: 'HTTP connections',
        description: 'Open connections, and their maximum.',
        unit: 'none',
        empty: 'not scraped',
        width: 8,
      },
      [
        { expr: chosen('pongcheck_http_connections'), legend: '{{instance}} open' },
        { expr: chosen('pongcheck_http_connections_limit'), legend: '{{instance}} limit' },
      ],
    ),
    lines(
      {
        title: 'HTTP connections closed by the server',
        description: 'Because of a time limit or a limit of requests, or to make room for others.',
        unit: 'cps',
        empty: 'not scraped',
        width: 8,
      },
      [{ expr: by('reason', perSecond('pongcheck_http_connections_closed_total')), legend: '{{reason}}' }],
      { stacked: true },
    ),
    lines(
      {
        title: 'HTTP connections refused',
        description: 'Closed on accept, by the limit that was reached.',
        unit: 'cps',
        empty: 'not scraped',
        width: 8,
      },
      [{ expr: by('reason', perSecond('pongcheck_http_connections_refused_total')), legend: '{{reason}}' }],
      { stacked: true },
    ),
  ],
};

const empty = 'gRPC is off';

export const grpc: Row = {
  title: 'gRPC',
  collapsed: true,
  panels: [
    lines(
      {
        title: 'gRPC connections and Watches',
        description: 'Both stay open for as long as the client does.',
        unit: 'none',
        empty,
        width: 8,
      },
      [
        { expr: chosen('pongcheck_grpc_connections'), legend: '{{instance}} connections' },
        { expr: chosen('pongcheck_grpc_watches'), legend: '{{instance}} Watches' },
      ],
    ),
    lines(
      {
        title: 'gRPC answers by method',
        description: 'UNKNOWN and NOT_SERVING are not healthy for a kubelet or a load balancer.',
        unit: 'cps',
        empty,
        width: 8,
      },
      [
        {
          expr: `${by('method, status', perSecond('pongcheck_grpc_answers_total'))} > 0`,
          legend: '{{method}} {{status}}',
        },
      ],
      { stacked: true },
    ),
    lines(
      {
        title: 'gRPC clients refused',
        description: 'Connections closed on accept, and Watches refused, by the limit that was reached.',
        unit: 'cps',
        empty,
        width: 8,
      },
      [{ expr: by('reason', perSecond('pongcheck_grpc_refused_total')), legend: '{{reason}}' }],
      { stacked: true },
    ),
  ],
};

export const configuration: Row = {
  title: 'Configuration and log',
  collapsed: true,
  panels: [
    lines(
      {
        title: 'Reloads by result',
        description: 'Reloads per data point. A failed one leaves the previous configuration in use.',
        unit: 'none',
        empty: 'not scraped',
        width: 6,
      },
      [
        {
          expr: by('instance, result', `increase(${chosen('pongcheck_config_reloads_total')}[$__rate_interval])`),
          legend: '{{instance}} {{result}}',
        },
      ],
    ),
    lines(
      {
        title: 'Last reload succeeded',
        description: 'At 0, the file has errors, and a restart would fail.',
        unit: 'none',
        empty: 'not scraped',
        width: 6,
      },
      [{ expr: chosen('pongcheck_config_last_reload_successful'), legend: '{{instance}}' }],
      { most: 1 },
    ),
    lines(
      {
        title: 'Age of the configuration',
        description: 'Time since the configuration in use was loaded.',
        unit: 's',
        empty: 'not scraped',
        width: 6,
      },
      [
        {
          expr: `time() - (${chosen('pongcheck_config_last_reload_success_timestamp_seconds')} > 0)`,
          legend: '{{instance}}',
        },
      ],
    ),
    lines(
      {
        title: 'Log lines lost',
        description: 'Lines that could not be written to standard output, such as to a full disk.',
        unit: 'cps',
        empty: 'not scraped',
        width: 6,
      },
      [{ expr: perSecond('pongcheck_log_lines_dropped_total'), legend: '{{instance}}' }],
    ),
  ],
};
