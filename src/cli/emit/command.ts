import type { Command } from '../parser.js';

export const emitCommand: Command = {
  name: 'emit',
  description:
    'Prints a configuration snippet that lets HAProxy, blackbox_exporter, Kubernetes, Envoy or Consul check this responder.',
  argument: 'haproxy|blackbox|kubernetes|envoy|consul',
  flags: [
    {
      long: 'config',
      value: 'FILE',
      description:
        'Configuration file of the responder (YAML or JSON). Default: the value of PONGCHECK_CONFIG, or no file.',
    },
    {
      long: 'server',
      value: 'HOST[:PORT]',
      multiple: true,
      description:
        'haproxy and envoy only: address of the application on the host of a responder; repeatable. Default: port 80 on this host.',
    },
    {
      long: 'mode',
      value: 'tcp|http',
      description: 'haproxy only: backend mode, which must match the mode of the frontends. Default: tcp.',
    },
    { long: 'grpc', description: 'kubernetes only: emits gRPC probes instead of HTTP probes.' },
  ],
  exits: [
    [0, 'The configuration was printed.'],
    [1, 'The responder configuration is invalid, or has no suitable listener.'],
  ],
  examples: [
    ['pongcheck emit haproxy --server 10.0.0.5:8080 --server 10.0.0.6:8080', 'Print a backend with two servers'],
    ['pongcheck emit haproxy --mode http --server 10.0.0.5:8080', 'Print a backend for HTTP frontends'],
    ['pongcheck emit blackbox >> blackbox.yml', 'Append a module to the blackbox_exporter configuration'],
    ['pongcheck emit kubernetes --config pongcheck.yml', 'Print the probes of a container'],
    ['pongcheck emit kubernetes --grpc', 'Print gRPC probes'],
    ['pongcheck emit envoy --server 10.0.0.5:8080', 'Print a cluster with a health check over gRPC or HTTP'],
  ],
  load: async () => (await import('./run.js')).emit,
};
