import type { Command } from '../parser.js';

export const checkConfigCommand: Command = {
  name: 'check-config',
  description:
    'Validates the configuration and prints the effective values, with secrets hidden. Runs no checks and opens no ports.',
  flags: [
    {
      long: 'config',
      value: 'FILE',
      description: 'Configuration file (YAML or JSON). Default: the value of PONGCHECK_CONFIG, or no file.',
    },
    { long: 'json', description: 'Prints JSON instead of YAML.' },
  ],
  exits: [
    [0, 'The configuration is valid.'],
    [1, 'The configuration is invalid. Standard error shows one line per problem.'],
  ],
  examples: [['pongcheck check-config --config pongcheck.yml', 'Validate a file before a deployment']],
  more: async () => (await import('../option-help.js')).optionHelp(),
  load: async () => (await import('./run.js')).checkConfig,
};
