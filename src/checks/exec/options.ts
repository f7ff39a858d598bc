import type { OptionRow } from '../../options/option.js';
import { bytes, enumeration, path, textList, texts } from '../../options/value-types.js';

/** Maximum number of arguments. */
const MAX_ARGS = 64;

export const execOptions: readonly OptionRow[] = [
  {
    path: 'command',
    type: path,
    required: true,
    description: 'Path of the program, which is started without a shell. PATH is not searched.',
  },
  {
    path: 'args',
    type: textList,
    max: MAX_ARGS,
    defaultText: 'none',
    description: 'List of arguments. Every user on the host can read them, so pass secrets in env.',
  },
  {
    path: 'env',
    type: texts,
    defaultText: 'none',
    secret: true,
    description:
      'Environment variables, in addition to the PATH of the service and LANG=C.UTF-8. No other variables are passed on.',
  },
  {
    path: 'exit',
    type: enumeration,
    values: ['plain', 'nagios'],
    default: 'plain',
    description:
      'Meaning of the exit code. plain: 0 is pass. nagios: 0 is pass, 1 is warn, 3 is unknown. All other codes are fail.',
  },
  {
    path: 'maxOutput',
    type: bytes,
    default: '64KiB',
    min: 1,
    max: 1024 * 1024,
    description:
      'Maximum combined size of stdout and stderr. If a program writes more, it is killed and the check fails.',
  },
];
