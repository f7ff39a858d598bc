import type { Row } from '../dashboard.js';
import { chosen } from '../metrics.js';
import { lines, spread } from '../panels.js';
import { buckets, perSecond } from '../promql.js';

export const eventLoop: Row = {
  title: 'Event loop',
  panels: [
    spread(
      {
        title: 'Delay',
        says: 'How long the loop kept everybody waiting. What is above 1 s makes answers late, and heartbeats too.',
        unit: 's',
        empty: 'it is not scraped',
      },
      buckets('pongcheck_event_loop_delay_seconds'),
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

export const process: Row = {
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
