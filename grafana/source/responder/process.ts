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
        title: 'Delay of the event loop',
        description: 'Delay of the event loop. A delay above 1 s delays answers and heartbeats.',
        unit: 's',
        empty: 'not scraped',
      },
      buckets('pongcheck_event_loop_delay_seconds'),
    ),
    lines(
      {
        title: 'Busy event loop',
        description: 'Fraction of the time that the event loop is busy. At 1 the process is saturated.',
        unit: 'percentunit',
        empty: 'not scraped',
      },
      [{ expr: perSecond('pongcheck_event_loop_busy_seconds_total'), legend: '{{instance}}' }],
      { most: 1 },
    ),
    lines(
      {
        title: 'Stalls of the event loop',
        description:
          'Blocks of the event loop for longer than the limit of readiness or liveness, during which PINGs get fail with the reason loop-blocked. They appear once the loop is no longer blocked.',
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
        description: 'Longest block since the start of the process, and the current one.',
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
        title: 'Threads that respond',
        description: 'PINGs on the connections of a thread at 0 get no answer.',
        unit: 'none',
        empty: 'no PING threads',
      },
      [{ expr: chosen('pongcheck_thread_up'), legend: '{{instance}} thread {{thread}}' }],
      { most: 1 },
    ),
    lines(
      {
        title: 'Restarts of threads',
        description: 'A thread that ends is started again. Its connections are closed; those of other threads stay.',
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
        description: 'Resident memory. Constant under a steady load; abandoned runs and slow clients make it grow.',
        unit: 'bytes',
        empty: 'not exported by the process',
        width: 6,
      },
      [{ expr: chosen('process_resident_memory_bytes'), legend: '{{instance}}' }],
    ),
    lines(
      {
        title: 'CPU',
        description: 'CPU usage; 1 is one core.',
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
          'Includes all connections, also those of checks. At the limit connections are refused and checks cannot connect.',
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
