import { ONE_HOUR, type OptionRow } from '../../options/option.js';
import { duration, integer } from '../../options/value-types.js';

export const processOptions: readonly OptionRow[] = [
  {
    path: 'maxDelay',
    type: duration,
    default: '1s',
    max: ONE_HOUR,
    description: 'Maximum event loop delay; 0 = no limit.',
  },
  {
    path: 'warnDelay',
    type: duration,
    default: '500ms',
    max: ONE_HOUR,
    description: 'Event loop delay above which the check warns; 0 = never.',
  },
  {
    path: 'maxUtilization',
    type: integer,
    default: '98',
    min: 1,
    max: 100,
    description: 'Maximum event loop utilization, in percent; 100 = no limit.',
  },
  {
    path: 'warnUtilization',
    type: integer,
    default: '90',
    min: 1,
    max: 100,
    description: 'Event loop utilization above which the check warns, in percent; 100 = never.',
  },
  {
    path: 'maxHeap',
    type: integer,
    default: '90',
    min: 1,
    max: 100,
    description: 'Maximum heap usage, in percent of the heap limit; 100 = no limit.',
  },
  {
    path: 'warnHeap',
    type: integer,
    default: '80',
    min: 1,
    max: 100,
    description: 'Heap usage above which the check warns, in percent of the heap limit; 100 = never.',
  },
  {
    path: 'window',
    type: duration,
    default: '2s',
    min: 100,
    max: ONE_HOUR,
    description: 'Minimum time over which delay and utilization are measured.',
  },
];
