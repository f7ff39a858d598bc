import type { Command } from '../parser.js';

export const emitCommand: Command = {
  name: 'emit',
  description:
    'Prints what others have to be told to ask this responder: for HAProxy, blackbox_exporter or Kubernetes.',
  argument: 'haproxy|blackbox|kubernetes',
  flags: [
    {
      long: 'config',
      value: 'FILE',
      description: 'The YAML or JSON file of the responder. Default: PONGCHECK_CONFIG, or none.',
    },
    {
      long: 'server',
      value: 'HOST[:PORT]',
      multiple: true,
      description:
        'Of haproxy: where the work goes, on the machine of a responder. Default: the host of the listener, port 80.',
    },
    {
      long: 'mode',
      value: 'tcp|http',
      description: 'Of haproxy: the mode of the backend, which must be that of its frontends. Default: tcp.',
    },
  ],
  exits: [
    [0, 'It was printed.'],
    [1, 'The configuration is wrong, or has no listener that can be asked so.'],
  ],
  examples: [
    ['pongcheck emit haproxy --server 10.0.0.5:8080 --server 10.0.0.6:8080', 'a backend of two servers'],
    ['pongcheck emit haproxy --mode http --server 10.0.0.5:8080', 'a backend for HTTP frontends'],
    ['pongcheck emit blackbox >> blackbox.yml', 'a module for blackbox_exporter'],
    ['pongcheck emit kubernetes --config pongcheck.yml', 'the probes of a container'],
  ],
  load: async () => (await import('./run.js')).emit,
};
