import type { OptionRow } from '../../options/option.js';
import { bytes, integer, path } from '../../options/value-types.js';

export const diskOptions: readonly OptionRow[] = [
  { path: 'path', type: path, required: true, description: 'Any path in the file system.' },
  {
    path: 'minFree',
    type: bytes,
    default: '0',
    description: 'The space that has to be free; 0 = no limit.',
  },
  {
    path: 'minFreePercent',
    type: integer,
    default: '5',
    max: 100,
    description: 'The part of the space that has to be free, in percent; 0 = no limit.',
  },
  {
    path: 'minFreeInodesPercent',
    type: integer,
    default: '5',
    max: 100,
    description: 'The part of the inodes that has to be free, in percent; 0 = no limit.',
  },
];
