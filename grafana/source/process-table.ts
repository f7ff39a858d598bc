import type { KnownMetric } from './metrics.js';

/** What `pongcheck serve` tells of its process, under the names that every client library gives them; a service that embeds it may. */
export const processRows: readonly KnownMetric[] = [
  {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    help: 'Memory of the process, in octets.',
    labels: [],
  },
  {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    help: 'Time that the processors spent on it, in seconds.',
    labels: [],
  },
  { name: 'process_open_fds', type: 'gauge', help: 'Files and sockets that are open.', labels: [] },
  { name: 'process_max_fds', type: 'gauge', help: 'Files and sockets that may be open.', labels: [] },
  {
    name: 'process_start_time_seconds',
    type: 'gauge',
    help: 'When the process began, in seconds since 1970.',
    labels: [],
  },
];
