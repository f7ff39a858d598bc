import type { OptionRow } from '../../options/option.js';
import { bytes, enumeration, path, textList, texts } from '../../options/value-types.js';

/** Maximum number of arguments. */
const MAX_ARGS = 64;

export const execOptions: readonly OptionRow[] = [
  {
    path: 'command',
    type: path,
    required: true,
    description: 'Path of the program, which is started without a shell and not searched for.',
  },
  {
    path: 'args',
    type: textList,
    max: MAX_ARGS,
    defaultText: 'none',
    description: 'Arguments, as a list. Every user of the host can read them: pass secrets in env.',
  },
  {
    path: 'env',
    type: texts,
    defaultText: 'none',
    secret: true,
    description:
      'Environment variables, in addition to PATH of the service and LANG=C.UTF-8. Others are not passed on.',
  },
  {
    path: 'exit',
    type: enumeration,
    values: ['plain', 'nagios'],
    default: 'plain',
    description: 'Meaning of the exit code. plain: 0 is pass; nagios: 0 is pass, 1 warn, 3 unknown. Others are fail.',
  },
  {
    path: 'maxOutput',
    type: bytes,
    default: '64KiB',
    min: 1,
    max: 1024 * 1024,
    description:
      'Maximum size of stdout and stderr together. A program that writes more is killed, and the check fails.',
  },
];
