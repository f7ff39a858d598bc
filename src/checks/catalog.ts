import type { CheckDefinition } from '../health/check.js';
import type { OptionRow } from '../options/option.js';
import { diskOptions } from './disk/options.js';
import { dnsOptions } from './dns/options.js';
import { execOptions } from './exec/options.js';
import { grpcOptions } from './grpc/options.js';
import { httpOptions } from './http/options.js';
import { moduleOptions } from './module/options.js';
import { mysqlOptions } from './mysql/options.js';
import { pingpongOptions } from './pingpong/options.js';
import { postgresOptions } from './postgres/options.js';
import { processOptions } from './process/options.js';
import { redisOptions } from './redis/options.js';
import { tcpOptions } from './tcp/options.js';
import { tlsExpiryOptions } from './tls-expiry/options.js';

/** Creates a check from the options of its kind and the settings of every check, in milliseconds and bytes. */
export type MakeCheck = (options: Readonly<Record<string, unknown>>) => CheckDefinition | Promise<CheckDefinition>;

/** A kind of check. */
export interface CheckKind {
  readonly kind: string;
  readonly description: string;
  readonly options: readonly OptionRow[];
  /** Whether this kind accepts further options, defined by the user. */
  readonly open?: boolean;
  /** Loads the kind. Creating a check throws PONGCHECK_CONFIG for invalid options. */
  load(): Promise<MakeCheck>;
}

/**
 * All kinds of checks: the source of the configuration, the tables in docs/ and `--help`. A kind is loaded when its
 * first check is created, and its driver before that check runs.
 */
export const checkKinds: readonly CheckKind[] = [
  {
    kind: 'mysql',
    description: 'MySQL or MariaDB answers a query and accepts new connections.',
    options: mysqlOptions,
    load: async () => maker((await import('./mysql/index.js')).mysqlCheck),
  },
  {
    kind: 'postgres',
    description: 'PostgreSQL answers a query and accepts new connections. Requires the package pg.',
    options: postgresOptions,
    load: async () => maker((await import('./postgres/index.js')).postgresCheck),
  },
  {
    kind: 'redis',
    description: 'Redis answers a PING.',
    options: redisOptions,
    load: async () => maker((await import('./redis/index.js')).redisCheck),
  },
  {
    kind: 'http',
    description: 'An HTTP service responds as expected.',
    options: httpOptions,
    load: async () => maker((await import('./http/index.js')).httpCheck),
  },
  {
    kind: 'grpc',
    description: 'A gRPC service reports SERVING over grpc.health.v1. Requires the package @grpc/grpc-js.',
    options: grpcOptions,
    load: async () => maker((await import('./grpc/index.js')).grpcCheck),
  },
  {
    kind: 'tcp',
    description: 'A TCP port accepts connections and, if expect is set, answers as expected.',
    options: tcpOptions,
    load: async () => maker((await import('./tcp/index.js')).tcpCheck),
  },
  {
    kind: 'dns',
    description: 'A name server returns records for a name.',
    options: dnsOptions,
    load: async () => maker((await import('./dns/index.js')).dnsCheck),
  },
  {
    kind: 'tls-expiry',
    description: 'The certificate of a TLS server is valid and does not expire soon.',
    options: tlsExpiryOptions,
    load: async () => maker((await import('./tls-expiry/index.js')).tlsExpiryCheck),
  },
  {
    kind: 'pingpong',
    description: 'Another responder reports pass.',
    options: pingpongOptions,
    load: async () => maker((await import('./pingpong/index.js')).pingpongCheck),
  },
  {
    kind: 'process',
    description: 'This process has a responsive event loop and free heap space.',
    options: processOptions,
    load: async () => maker((await import('./process/index.js')).processCheck),
  },
  {
    kind: 'disk',
    description: 'A file system has free space and inodes.',
    options: diskOptions,
    load: async () => maker((await import('./disk/index.js')).diskCheck),
  },
  {
    kind: 'exec',
    description: 'A program exits with code 0.',
    options: execOptions,
    load: async () => maker((await import('./exec/index.js')).execCheck),
  },
  {
    kind: 'module',
    description: 'A custom check, which is the default export of an ES module, passes.',
    options: moduleOptions,
    open: true,
    load: async () => maker((await import('./module/index.js')).moduleCheck),
  },
];

/** The types are not checked here, because each factory validates its options. */
function maker<Options>(factory: (options: Options) => CheckDefinition | Promise<CheckDefinition>): MakeCheck {
  return (options) => factory(options as Options);
}
