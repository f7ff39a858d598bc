import type { OptionRow } from '../../options/option.js';
import { names, path } from '../../options/value-types.js';

export const moduleOptions: readonly OptionRow[] = [
  {
    path: 'path',
    type: path,
    required: true,
    readOnce: true,
    description:
      'The module, relative to the configuration file. It exports a function, a definition, or, where further options are given, what makes one of these of them.',
  },
  {
    path: 'nonSecret',
    type: names,
    defaultText: 'none',
    description:
      'Names of further options whose values are not secret. All others are masked in outputs, but for host, port, path, database and user.',
  },
];
