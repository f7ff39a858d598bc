import type { OptionRow } from '../../options/option.js';
import { bytes, integer, path } from '../../options/value-types.js';

export const diskOptions: readonly OptionRow[] = [
  { path: 'path', type: path, required: true, description: 'Any path in the file system to check.' },
  {
    path: 'minFree',
    type: bytes,
    default: '0',
    max: 1024 ** 5,
    description: 'Minimum free space; 0 = no limit.',
  },
  {
    path: 'minFreePercent',
    type: integer,
    default: '5',
    max: 100,
    description: 'Minimum free space, in percent; 0 = no limit.',
  },
  {
    path: 'minFreeInodesPercent',
    type: integer,
    default: '5',
    max: 100,
    description: 'Minimum free inodes, in percent; 0 = no limit.',
  },
];
