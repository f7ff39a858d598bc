import type { Command } from '../parser.js';

export const serveCommand: Command = {
  name: 'serve',
  description:
    'Runs a responder, which answers PINGs from the results of its checks and serves health and metrics over HTTP. SIGTERM or SIGINT stops the responder, and SIGHUP reloads the configuration.',
  flags: [
    {
      long: 'config',
      value: 'FILE',
      description:
        'Configuration file (YAML or JSON). Default: the value of PONGCHECK_CONFIG, or no file. See pongcheck check-config --help for all options and variables.',
    },
    {
      long: 'listen',
      value: 'URL',
      multiple: true,
      description: 'Address to listen on for PINGs; repeatable. Default: pong://127.0.0.1:7464.',
    },
    {
      long: 'http',
      value: 'HOST:PORT',
      description: 'Address to listen on for HTTP; false disables it. Default: 127.0.0.1:7664.',
    },
    {
      long: 'grpc',
      value: 'HOST:PORT',
      description: 'Address to listen on for gRPC health checks. Default: false. Requires the package @grpc/grpc-js.',
    },
    {
      long: 'threads',
      value: 'N',
      description:
        'Number of threads that answer PINGs, so that a blocked main thread does not delay answers; 0 = the main thread answers them. Default: 1.',
    },
    {
      long: 'log-level',
      value: 'LEVEL',
      description: 'Minimum log level: fatal, error, warn, info (default), debug, trace or silent.',
    },
    {
      long: 'log-pretty',
      description: 'Logs human-readable lines instead of JSON. This is the default on a terminal.',
    },
  ],
  exits: [
    [0, 'Stopped by SIGTERM (after draining) or SIGINT. Every received PING was answered.'],
    [1, 'The responder could not start, for example because the configuration is invalid or a port is in use.'],
  ],
  examples: [
    ['pongcheck serve', 'Listen on loopback, without checks: ready while the process runs'],
    ['MYSQL_URL=mysql://root@127.0.0.1:3306 pongcheck serve', 'Add a database check'],
    ['pongcheck serve --config pongcheck.yml --listen pong://0.0.0.0:7464', 'Override the file with a flag'],
  ],
  load: async () => (await import('./run.js')).serve,
};
