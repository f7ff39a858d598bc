import { ONE_HOUR, type OptionRow } from '../../options/option.js';
import { duration, integer } from '../../options/value-types.js';

export const processOptions: readonly OptionRow[] = [
  {
    path: 'maxDelay',
    type: duration,
    default: '1s',
    description: 'The longest that the event loop may have stood still; 0 = no limit.',
  },
  {
    path: 'warnDelay',
    type: duration,
    default: '500ms',
    description: 'Warns where it stood still for longer than this; 0 = never.',
  },
  {
    path: 'maxUtilization',
    type: integer,
    default: '98',
    min: 1,
    max: 100,
    description: 'The part of the time that the event loop may have been busy, in percent; 100 = no limit.',
  },
  {
    path: 'warnUtilization',
    type: integer,
    default: '90',
    min: 1,
    max: 100,
    description: 'Warns where it was busy for more than this part of the time, in percent; 100 = never.',
  },
  {
    path: 'maxHeap',
    type: integer,
    default: '90',
    min: 1,
    max: 100,
    description: 'The part of its limit that the heap may fill, in percent; 100 = no limit.',
  },
  {
    path: 'warnHeap',
    type: integer,
    default: '80',
    min: 1,
    max: 100,
    description: 'Warns where the heap fills more than this part, in percent; 100 = never.',
  },
  {
    path: 'window',
    type: duration,
    default: '2s',
    min: 100,
    max: ONE_HOUR,
    description: 'The least time that delay and utilization are judged over.',
  },
];
