import type { Command } from '../parser.js';

export const serveCommand: Command = {
  name: 'serve',
  description:
    'Answers PINGs with what its checks found out, and serves health and metrics by HTTP, until SIGTERM or SIGINT; SIGHUP reloads its file.',
  flags: [
    {
      long: 'config',
      value: 'FILE',
      description:
        'The YAML or JSON file. Default: PONGCHECK_CONFIG, or none. pongcheck check-config --help lists its options, and the variables.',
    },
    {
      long: 'listen',
      value: 'URL',
      multiple: true,
      description: 'Where PINGs are answered. Default pong://127.0.0.1:7464.',
    },
    { long: 'http', value: 'HOST:PORT', description: 'Where HTTP is served, or false. Default 127.0.0.1:7664.' },
    { long: 'log-level', value: 'LEVEL', description: 'fatal, error, warn, info (default), debug, trace or silent.' },
    { long: 'log-pretty', description: 'Logs lines for people, as it does on a terminal, instead of JSON.' },
  ],
  exits: [
    [0, 'SIGTERM (drains first) or SIGINT stopped it, and every PING that had arrived was answered.'],
    [1, 'It could not start: the configuration is wrong, or a port is in use.'],
  ],
  examples: [
    ['pongcheck serve', 'on loopback, with no check: proves the process alone'],
    ['MYSQL_URL=mysql://root@127.0.0.1:3306 pongcheck serve', 'with a check of a database'],
    ['pongcheck serve --config pongcheck.yml --listen pong://0.0.0.0:7464', 'the flag wins over the file'],
  ],
  load: async () => (await import('./run.js')).serve,
};
