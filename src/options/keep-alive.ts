import { ONE_DAY, type OptionRow } from './option.js';
import { duration, integer } from './value-types.js';

/**
 * TCP keep-alive options of `listen[]` and of a client. Separate from the rest of the table, which a client does not
 * load.
 */
export const keepAliveRows: readonly OptionRow[] = [
  {
    path: 'keepAlive.idle',
    type: duration,
    default: '30s',
    min: 1000,
    max: ONE_DAY,
    description:
      'Idle time before the first TCP keep-alive probe, in whole seconds. Setting listen[].keepAlive enables TCP keep-alive.',
  },
  {
    path: 'keepAlive.interval',
    type: duration,
    default: '10s',
    min: 1000,
    max: ONE_DAY,
    description: 'Time between TCP keep-alive probes, in whole seconds.',
  },
  {
    path: 'keepAlive.count',
    type: integer,
    default: '3',
    min: 1,
    max: 127,
    description: 'Number of unanswered TCP keep-alive probes after which the kernel closes the connection.',
  },
  {
    path: 'keepAlive.userTimeout',
    type: duration,
    defaultText: 'idle + interval x count',
    max: ONE_DAY,
    description:
      'Maximum time that sent data may remain unacknowledged. On Linux, it overrides count. 0 = system default.',
  },
];
