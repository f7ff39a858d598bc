import type { Command } from '../parser.js';

export const checkConfigCommand: Command = {
  name: 'check-config',
  description: 'Reads the configuration and prints what holds, with secrets hidden; runs no check and opens no port.',
  flags: [
    { long: 'config', value: 'FILE', description: 'The YAML or JSON file. Default: PONGCHECK_CONFIG, or none.' },
    { long: 'json', description: 'Prints JSON instead of YAML.' },
  ],
  exits: [
    [0, 'The configuration is sound.'],
    [1, 'It is not; every problem is a line on standard error.'],
  ],
  examples: [['pongcheck check-config --config pongcheck.yml', 'before a deployment']],
  more: async () => (await import('../option-help.js')).optionHelp(),
  load: async () => (await import('./run.js')).checkConfig,
};
