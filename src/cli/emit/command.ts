import type { Command } from '../parser.js';

export const emitCommand: Command = {
  name: 'emit',
  description:
    'Prints configuration for HAProxy, blackbox_exporter, Kubernetes, Envoy or Consul to probe this responder.',
  argument: 'haproxy|blackbox|kubernetes|envoy|consul',
  flags: [
    {
      long: 'config',
      value: 'FILE',
      description: 'Configuration file of the responder (YAML or JSON). Default: PONGCHECK_CONFIG, or none.',
    },
    {
      long: 'server',
      value: 'HOST[:PORT]',
      multiple: true,
      description:
        'For haproxy and envoy: address of the application next to a responder. Default: this host, port 80.',
    },
    {
      long: 'mode',
      value: 'tcp|http',
      description: 'For haproxy: mode of the backend, which must match that of its frontends. Default: tcp.',
    },
    { long: 'grpc', description: 'For kubernetes: probes by gRPC instead of HTTP.' },
  ],
  exits: [
    [0, 'The configuration was printed.'],
    [1, 'The configuration of the responder is invalid, or has no suitable listener.'],
  ],
  examples: [
    ['pongcheck emit haproxy --server 10.0.0.5:8080 --server 10.0.0.6:8080', 'a backend with two servers'],
    ['pongcheck emit haproxy --mode http --server 10.0.0.5:8080', 'a backend for HTTP frontends'],
    ['pongcheck emit blackbox >> blackbox.yml', 'a module for blackbox_exporter'],
    ['pongcheck emit kubernetes --config pongcheck.yml', 'the probes of a container'],
    ['pongcheck emit kubernetes --grpc', 'the same by gRPC'],
    ['pongcheck emit envoy --server 10.0.0.5:8080', 'the health check of a cluster, by gRPC or HTTP'],
  ],
  load: async () => (await import('./run.js')).emit,
};
