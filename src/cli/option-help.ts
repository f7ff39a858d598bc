import { checkKinds } from '../checks/catalog.js';
import { defaultInFile, type OptionRow } from '../options/option.js';
import { checkVariables, optionRows } from '../options/table.js';
import { FILE_VARIABLE } from '../options/variable-names.js';
import type { HelpPart } from './parser.js';

/** Help sections for the options in the file and the environment, and for the kinds of check. */
export function optionHelp(): HelpPart[] {
  return [
    {
      title:
        'Configuration file options, with default and environment variable (a variable overrides the file, a flag overrides both)',
      rows: optionRows.map((row) => [row.path, descriptionOf(row), noteOf(row)]),
    },
    {
      title: 'Other environment variables',
      rows: [
        [FILE_VARIABLE, 'Configuration file, if --config is not given.'],
        ...checkVariables.map(({ env, description }) => [env, description] as const),
      ],
    },
    {
      title: 'Check kinds',
      rows: checkKinds.map(({ kind, description, options }) => [
        kind,
        description,
        options.map(({ path }) => path).join(', '),
      ]),
    },
  ];
}

function descriptionOf({ description, values }: OptionRow): string {
  return values ? `${description} One of ${values.join(', ')}.` : description;
}

function noteOf(row: OptionRow): string {
  const { defaultText = defaultInFile(row), env, required } = row;
  return [required ? 'required' : `default ${defaultText}`, ...(env ? [env] : [])].join(' · ');
}
