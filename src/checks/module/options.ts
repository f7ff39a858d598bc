import type { OptionRow } from '../../options/option.js';
import { names, path } from '../../options/value-types.js';

export const moduleOptions: readonly OptionRow[] = [
  {
    path: 'path',
    type: path,
    required: true,
    readOnce: true,
    description:
      'Path of an ES module, relative to the configuration file. It exports a function, a check definition, or a factory that takes the extra options.',
  },
  {
    path: 'nonSecret',
    type: names,
    defaultText: 'none',
    description:
      'Names of extra options whose values are not secret. All other values are masked in output, except host, port, path, database and user.',
  },
];
