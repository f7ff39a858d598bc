import type { Command } from '../parser.js';

export const checkConfigCommand: Command = {
  name: 'check-config',
  description:
    'Validates the configuration and prints the effective values, with secrets hidden. Runs no checks and opens no ports.',
  flags: [
    {
      long: 'config',
      value: 'FILE',
      description: 'Configuration file (YAML or JSON). Default: PONGCHECK_CONFIG, or none.',
    },
    { long: 'json', description: 'Prints JSON instead of YAML.' },
  ],
  exits: [
    [0, 'The configuration is valid.'],
    [1, 'The configuration is invalid; standard error has one line for each problem.'],
  ],
  examples: [['pongcheck check-config --config pongcheck.yml', 'before a deployment']],
  more: async () => (await import('../option-help.js')).optionHelp(),
  load: async () => (await import('./run.js')).checkConfig,
};
