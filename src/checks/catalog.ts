import type { CheckDefinition } from '../health/check.js';
import type { OptionRow } from '../options/option.js';
import { diskOptions } from './disk/options.js';
import { httpOptions } from './http/options.js';
import { moduleOptions } from './module/options.js';
import { mysqlOptions } from './mysql/options.js';
import { pingpongOptions } from './pingpong/options.js';
import { processOptions } from './process/options.js';
import { redisOptions } from './redis/options.js';
import { tcpOptions } from './tcp/options.js';

/** Makes a check of what was said of it: the kind's options, and those of every check, in ms and octets. */
export type MakeCheck = (options: Readonly<Record<string, unknown>>) => CheckDefinition | Promise<CheckDefinition>;

/** One kind of check. */
export interface CheckKind {
  readonly kind: string;
  readonly description: string;
  readonly options: readonly OptionRow[];
  /** Whether it takes further options, of the user's own. */
  readonly open?: boolean;
  /** Loads the kind. Making a check throws PONGCHECK_CONFIG for options that make no sense. */
  load(): Promise<MakeCheck>;
}

/**
 * Every kind of check there is: the configuration, the tables of docs/ and
 * `--help` come from here. Nothing is loaded before a check of a kind is made,
 * and its driver not before that check runs.
 */
export const checkKinds: readonly CheckKind[] = [
  {
    kind: 'mysql',
    description: 'MySQL or MariaDB answers a query, and takes new connections.',
    options: mysqlOptions,
    load: async () => makes((await import('./mysql/index.js')).mysqlCheck),
  },
  {
    kind: 'redis',
    description: 'Redis answers a PING.',
    options: redisOptions,
    load: async () => makes((await import('./redis/index.js')).redisCheck),
  },
  {
    kind: 'http',
    description: 'A service answers a request as expected.',
    options: httpOptions,
    load: async () => makes((await import('./http/index.js')).httpCheck),
  },
  {
    kind: 'tcp',
    description: 'A port takes a connection, and answers as expected where that is asked for.',
    options: tcpOptions,
    load: async () => makes((await import('./tcp/index.js')).tcpCheck),
  },
  {
    kind: 'pingpong',
    description: 'Another responder says pass.',
    options: pingpongOptions,
    load: async () => makes((await import('./pingpong/index.js')).pingpongCheck),
  },
  {
    kind: 'process',
    description: 'The event loop of this process keeps up, and its heap has room.',
    options: processOptions,
    load: async () => makes((await import('./process/index.js')).processCheck),
  },
  {
    kind: 'disk',
    description: 'A file system has space and inodes left.',
    options: diskOptions,
    load: async () => makes((await import('./disk/index.js')).diskCheck),
  },
  {
    kind: 'module',
    description: 'A check of your own: the default export of an ES module.',
    options: moduleOptions,
    open: true,
    load: async () => makes((await import('./module/index.js')).moduleCheck),
  },
];

/** The factories judge their options themselves, whoever gives them. */
function makes<Options>(factory: (options: Options) => CheckDefinition | Promise<CheckDefinition>): MakeCheck {
  return (options) => factory(options as Options);
}
