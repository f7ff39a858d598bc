import { checkKinds } from '../checks/catalog.js';
import type { OptionRow } from '../config/option.js';
import { checkVariables, optionRows } from '../config/options.js';
import { FILE_VARIABLE } from '../config/variable-names.js';
import type { HelpPart } from './command.js';

/** The options of the file and of the environment, and the kinds of check. */
export function optionHelp(): HelpPart[] {
  return [
    {
      title:
        'Options of the file, each with its default and its variable; a variable wins over the file, a flag over both',
      rows: optionRows.map((row) => [row.path, sentenceOf(row), noteOf(row)]),
    },
    {
      title: 'Further variables',
      rows: [
        [FILE_VARIABLE, 'The configuration file, where no --config names one.'],
        ...checkVariables.map(({ env, sentence }) => [env, sentence] as const),
      ],
    },
    {
      title: 'Kinds of check',
      rows: checkKinds.map(({ kind, sentence, options }) => [
        kind,
        sentence,
        options.map(({ name }) => name).join(', '),
      ]),
    },
  ];
}

function sentenceOf({ sentence, values }: OptionRow): string {
  return values ? `${sentence} One of ${values.join(', ')}.` : sentence;
}

function noteOf({ default: value, defaultText = value, env, required }: OptionRow): string {
  return [required ? 'required' : `default ${defaultText}`, ...(env ? [env] : [])].join(' · ');
}
