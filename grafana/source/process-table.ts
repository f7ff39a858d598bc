import type { KnownMetric } from './metrics.js';

/** The process metrics of `pongcheck serve`, with the standard names. Applications may provide them too. */
export const processRows: readonly KnownMetric[] = [
  {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    help: 'Resident memory of the process, in bytes.',
    labels: [],
  },
  {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    help: 'CPU time of the process, in seconds.',
    labels: [],
  },
  { name: 'process_open_fds', type: 'gauge', help: 'Open files and sockets.', labels: [] },
  { name: 'process_max_fds', type: 'gauge', help: 'Maximum number of open files and sockets.', labels: [] },
  {
    name: 'process_start_time_seconds',
    type: 'gauge',
    help: 'Start time of the process, in seconds since 1970.',
    labels: [],
  },
];
