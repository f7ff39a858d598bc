import type { Row } from '../dashboard.js';
import { chosen } from '../metrics.js';
import { lines, spread } from '../panels.js';
import { buckets, perSecond } from '../promql.js';

export const eventLoop: Row = {
  title: 'Event loop',
  collapsed: true,
  panels: [
    spread(
      {
        title: 'Event loop delay',
        description: 'Event loop delay. A delay above 1 s also delays answers and heartbeats.',
        unit: 's',
        empty: 'not scraped',
      },
      buckets('pongcheck_event_loop_delay_seconds'),
    ),
    lines(
      {
        title: 'Event loop utilization',
        description: 'Fraction of time during which the event loop is busy. At 1, the process is saturated.',
        unit: 'percentunit',
        empty: 'not scraped',
      },
      [{ expr: perSecond('pongcheck_event_loop_busy_seconds_total'), legend: '{{instance}}' }],
      { most: 1 },
    ),
    lines(
      {
        title: 'Event loop stalls',
        description:
          'Number of times that the event loop was blocked for longer than the limit of readiness or liveness. Meanwhile, PINGs are answered with fail and the reason loop-blocked. A stall appears once it has ended.',
        unit: 'none',
        empty: 'no PING threads',
      },
      [
        {
          expr: `increase(${chosen('pongcheck_event_loop_stalls_total')}[$__rate_interval])`,
          legend: '{{instance}} {{scope}}',
        },
      ],
    ),
    lines(
      {
        title: 'Longest stall',
        description: 'Longest stall since the start of the process, and the current one.',
        unit: 's',
        empty: 'no PING threads',
      },
      [
        { expr: chosen('pongcheck_event_loop_longest_stall_seconds'), legend: '{{instance}} longest' },
        { expr: chosen('pongcheck_event_loop_stalled_seconds'), legend: '{{instance}} now' },
      ],
    ),
  ],
};

export const threads: Row = {
  title: 'PING threads',
  collapsed: true,
  panels: [
    lines(
      {
        title: 'Responding threads',
        description: 'If a thread is at 0, PINGs on its connections are not answered.',
        unit: 'none',
        empty: 'no PING threads',
      },
      [{ expr: chosen('pongcheck_thread_up'), legend: '{{instance}} thread {{thread}}' }],
      { most: 1 },
    ),
    lines(
      {
        title: 'Thread restarts',
        description:
          'A thread that exits is restarted. Its connections are closed. Connections of other threads stay open.',
        unit: 'none',
        empty: 'no PING threads',
      },
      [
        {
          expr: `increase(${chosen('pongcheck_thread_restarts_total')}[$__rate_interval])`,
          legend: '{{instance}} thread {{thread}}',
        },
      ],
    ),
  ],
};

export const process: Row = {
  title: 'Process',
  collapsed: true,
  panels: [
    lines(
      {
        title: 'Memory',
        description:
          'Resident memory. It is constant under a steady load. Abandoned runs and slow clients make it grow.',
        unit: 'bytes',
        empty: 'not exported by the process',
        width: 6,
      },
      [{ expr: chosen('process_resident_memory_bytes'), legend: '{{instance}}' }],
    ),
    lines(
      {
        title: 'CPU',
        description: 'CPU usage. 100 % is one core.',
        unit: 'percentunit',
        empty: 'not exported by the process',
        width: 6,
      },
      [{ expr: perSecond('process_cpu_seconds_total'), legend: '{{instance}}' }],
    ),
    lines(
      {
        title: 'Open files',
        description:
          'Open files, including the connections of clients and checks. At the limit, connections are refused and checks cannot connect.',
        unit: 'none',
        empty: 'not exported by the process',
        width: 6,
      },
      [
        { expr: chosen('process_open_fds'), legend: '{{instance}} open' },
        { expr: chosen('process_max_fds'), legend: '{{instance}} limit' },
      ],
    ),
    lines(
      {
        title: 'Uptime',
        description: 'Time since the start of the process.',
        unit: 's',
        empty: 'not exported by the process',
        width: 6,
      },
      [{ expr: `time() - ${chosen('process_start_time_seconds')}`, legend: '{{instance}}' }],
    ),
  ],
};
