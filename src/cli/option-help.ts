import { checkKinds } from '../checks/catalog.js';
import { checkVariables, FILE_VARIABLE, optionRows } from '../config/options.js';
import type { HelpPart } from './command.js';

/** The options of the file and of the environment, and the kinds of check. */
export function optionHelp(): HelpPart[] {
  return [
    {
      title: 'Options of the file, each with its variable; flags win over variables, and those over the file',
      rows: optionRows.map((row) => {
        const without = row.defaultText ?? row.default;
        const told = [
          row.sentence,
          ...(row.values ? [`One of ${row.values.join(', ')}.`] : []),
          ...(without === undefined ? [] : [`Default: ${without}.`]),
          ...(row.env ? [row.env] : []),
        ];
        return [row.path, told.join(' ')];
      }),
    },
    {
      title: 'Further variables',
      rows: [
        [FILE_VARIABLE, 'The configuration file, where no --config names one.'],
        ...checkVariables.map(({ env, sentence }) => [env, sentence] as const),
      ],
    },
    { title: 'Kinds of check', rows: checkKinds.map(({ kind, sentence }) => [kind, sentence]) },
  ];
}
