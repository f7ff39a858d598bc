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
        description: 'Open HTTP connections, and the limit.',
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
        description: 'Connections closed because of a timeout or a limit, or to make room for new ones.',
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
        description: 'Connections closed on accept, by limit.',
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
        description: 'Open connections and Watches. They stay open until the client closes them.',
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
        title: 'gRPC responses by method',
        description: 'Kubelets and load balancers treat UNKNOWN and NOT_SERVING as unhealthy.',
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
        description: 'Connections closed on accept and refused Watches, by limit.',
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
        description: 'Reloads per data point. After a failed reload, the previous configuration stays in use.',
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
        description: 'At 0, the file contains errors, and a restart would fail.',
        unit: 'none',
        empty: 'not scraped',
        width: 6,
      },
      [{ expr: chosen('pongcheck_config_last_reload_successful'), legend: '{{instance}}' }],
      { most: 1 },
    ),
    lines(
      {
        title: 'Configuration age',
        description: 'Time since the current configuration was loaded.',
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
        title: 'Dropped log lines',
        description: 'Log lines that could not be written to standard output, for example because the disk is full.',
        unit: 'cps',
        empty: 'not scraped',
        width: 6,
      },
      [{ expr: perSecond('pongcheck_log_lines_dropped_total'), legend: '{{instance}}' }],
    ),
  ],
};
