import type { Command } from '../parser.js';

export const serveCommand: Command = {
  name: 'serve',
  description:
    'Runs a responder: answers PINGs from its checks, and serves health and metrics over HTTP. SIGTERM or SIGINT stops it, SIGHUP reloads the configuration.',
  flags: [
    {
      long: 'config',
      value: 'FILE',
      description:
        'Configuration file (YAML or JSON). Default: PONGCHECK_CONFIG, or none. See pongcheck check-config --help for all options and variables.',
    },
    {
      long: 'listen',
      value: 'URL',
      multiple: true,
      description: 'Address to listen on for PINGs. Default: pong://127.0.0.1:7464.',
    },
    {
      long: 'http',
      value: 'HOST:PORT',
      description: 'Address to listen on for HTTP, or false. Default: 127.0.0.1:7664.',
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
        'Number of threads that answer PINGs, so that a blocked main thread delays no answer; 0 = the main thread answers them. Default: 1.',
    },
    {
      long: 'log-level',
      value: 'LEVEL',
      description: 'Log level: fatal, error, warn, info (default), debug, trace or silent.',
    },
    { long: 'log-pretty', description: 'Logs readable lines instead of JSON. Default on a terminal.' },
  ],
  exits: [
    [0, 'Stopped by SIGTERM (after draining) or SIGINT; every received PING was answered.'],
    [1, 'Could not start: invalid configuration, or a port in use.'],
  ],
  examples: [
    ['pongcheck serve', 'on loopback, without checks: ready while the process runs'],
    ['MYSQL_URL=mysql://root@127.0.0.1:3306 pongcheck serve', 'with a database check'],
    ['pongcheck serve --config pongcheck.yml --listen pong://0.0.0.0:7464', 'a flag overrides the file'],
  ],
  load: async () => (await import('./run.js')).serve,
};
