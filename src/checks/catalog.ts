import type { CheckDefinition } from '../health/check.js';

/** One option of a kind of check, beside those that every check has (`CheckSettings`). */
export interface CheckOption {
  /** Its key; `tls.ca` is the key `ca` in the map `tls`. */
  readonly name: string;
  /**
   * `address`: of a responder. `path`: a file, relative to the configuration's folder. `texts`: a map of texts.
   * `names`: a list of names. `octets`: a size. `duration`: in milliseconds.
   */
  readonly type:
    | 'url'
    | 'address'
    | 'path'
    | 'string'
    | 'texts'
    | 'names'
    | 'enum'
    | 'boolean'
    | 'integer'
    | 'octets'
    | 'duration';
  /** What holds where nothing is said, as a file would say it. */
  readonly default?: string;
  /** The default in words, where it depends on something. */
  readonly defaultText?: string;
  readonly required?: boolean;
  /** Smallest and largest number or size. */
  readonly min?: number;
  readonly max?: number;
  /** The words of an enum. */
  readonly values?: readonly string[];
  /** A text in slashes is a regular expression; code may give a RegExp in place of any of its texts. */
  readonly pattern?: boolean;
  /** Its values are not to be shown. */
  readonly secret?: boolean;
  /** A file that is read when the check is made, and not again: with other contents it is another check. */
  readonly readOnce?: boolean;
  readonly sentence: string;
}

/** Makes a check of what was said of it: the kind's options, and those of every check, in ms and octets. */
export type MakeCheck = (options: Readonly<Record<string, unknown>>) => CheckDefinition | Promise<CheckDefinition>;

/** One kind of check. */
export interface CheckKind {
  readonly kind: string;
  readonly sentence: string;
  readonly options: readonly CheckOption[];
  /** Whether it takes further options, of the user's own. */
  readonly open?: boolean;
  /** Loads the kind. Making a check throws PONGCHECK_CHECK for options that make no sense. */
  load(): Promise<MakeCheck>;
}

const tlsOptions: readonly CheckOption[] = [
  {
    name: 'tls.ca',
    type: 'path',
    readOnce: true,
    defaultText: 'the authorities that Node trusts',
    sentence: 'A PEM file with the authorities that may have signed the certificate.',
  },
  {
    name: 'tls.cert',
    type: 'path',
    readOnce: true,
    defaultText: 'none',
    sentence: 'A PEM file with the certificate of this client.',
  },
  {
    name: 'tls.key',
    type: 'path',
    readOnce: true,
    defaultText: 'none',
    sentence: 'A PEM file with the key of that certificate.',
  },
  {
    name: 'tls.servername',
    type: 'string',
    defaultText: 'the host of the URL',
    sentence: 'The name that the certificate must have.',
  },
  {
    name: 'tls.verify',
    type: 'boolean',
    default: 'true',
    sentence: 'false takes any certificate, so that anyone could answer in its place.',
  },
];

function roleOption(values: readonly string[], sentence: string): CheckOption {
  return { name: 'role', type: 'enum', values, default: 'any', sentence };
}

/**
 * Every kind of check there is: the configuration, the tables of docs/ and
 * `--help` come from here. Nothing is loaded before a check of a kind is made,
 * and its driver not before that check runs.
 */
export const checkKinds: readonly CheckKind[] = [
  {
    kind: 'mysql',
    sentence: 'MySQL or MariaDB answers a query, and takes new connections.',
    options: [
      {
        name: 'url',
        type: 'url',
        required: true,
        sentence: 'mysql:// or mariadb://USER:PASSWORD@HOST:PORT/DATABASE, with ?ssl=true for TLS.',
      },
      roleOption(['any', 'primary'], 'primary fails a server that is read_only.'),
      {
        name: 'maxLag',
        type: 'duration',
        defaultText: 'any',
        sentence:
          'How far behind its primary a replica may be; whoever asks needs the right to see that (REPLICATION CLIENT, in MariaDB SLAVE MONITOR).',
      },
      ...tlsOptions,
    ],
    load: async () => makes((await import('./mysql.js')).mysql),
  },
  {
    kind: 'redis',
    sentence: 'Redis answers a PING.',
    options: [
      {
        name: 'url',
        type: 'url',
        required: true,
        sentence:
          'redis://USER:PASSWORD@HOST:PORT/DATABASE; through Sentinels redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME; rediss for TLS.',
      },
      roleOption(
        ['any', 'primary', 'replica'],
        'primary fails a replica, replica a primary; through Sentinels it says which of the two is checked, any being the primary.',
      ),
      {
        name: 'sentinel.username',
        type: 'string',
        defaultText: 'none',
        sentence: 'The user at the Sentinels; that of the URL is for the server.',
      },
      {
        name: 'sentinel.password',
        type: 'string',
        defaultText: 'none',
        secret: true,
        sentence: 'The password at the Sentinels.',
      },
      {
        name: 'write',
        type: 'string',
        defaultText: 'none',
        sentence:
          'A key that every run sets, with an expiry of 10 s: a server that takes no writes fails. A node of a cluster that does not serve it sets {TAG}KEY.',
      },
      ...tlsOptions,
    ],
    load: async () => makes((await import('./redis.js')).redis),
  },
  {
    kind: 'http',
    sentence: 'A service answers a request as expected.',
    options: [
      { name: 'url', type: 'url', required: true, sentence: 'http:// or https://HOST:PORT/PATH.' },
      { name: 'method', type: 'enum', values: ['GET', 'HEAD'], default: 'GET', sentence: 'The method of the request.' },
      {
        name: 'headers',
        type: 'texts',
        defaultText: 'none',
        secret: true,
        sentence: 'Headers of the request, such as { authorization: "Bearer ..." }.',
      },
      {
        name: 'nonSecret',
        type: 'names',
        defaultText: 'none',
        sentence: 'Names of headers whose values are not secret: they are not masked, and are sent along a redirect.',
      },
      {
        name: 'status',
        type: 'string',
        default: '200-299',
        sentence: 'The statuses that are well: numbers and ranges, separated by commas.',
      },
      {
        name: 'expectBody',
        type: 'string',
        pattern: true,
        defaultText: 'anything',
        sentence: 'A text that the decoded body must contain, or a /regular expression/ that it must match.',
      },
      {
        name: 'expectHeaders',
        type: 'texts',
        pattern: true,
        defaultText: 'anything',
        sentence: 'For headers of the answer: a text that each must contain, or a /regular expression/.',
      },
      {
        name: 'maxBody',
        type: 'octets',
        default: '64KiB',
        max: 64 * 1024 ** 2,
        sentence: 'The largest body that is read, and the largest decoded one; a larger one fails.',
      },
      {
        name: 'redirects',
        type: 'integer',
        default: '0',
        max: 10,
        sentence: 'How many redirects are followed; beyond that the status of the redirect counts.',
      },
      ...tlsOptions,
    ],
    load: async () => makes((await import('./http.js')).http),
  },
  {
    kind: 'tcp',
    sentence: 'A port takes a connection, and answers as expected where that is asked for.',
    options: [
      { name: 'url', type: 'url', required: true, sentence: 'tcp://HOST:PORT.' },
      {
        name: 'send',
        type: 'string',
        defaultText: 'nothing',
        secret: true,
        sentence: 'A text that is sent; \\r, \\n, \\t, \\0, \\xHH and \\\\ stand for what they stand for in code.',
      },
      {
        name: 'expect',
        type: 'string',
        pattern: true,
        defaultText: 'nothing',
        sentence: 'A text that the answer must contain, or a /regular expression/ that it must match.',
      },
      {
        name: 'maxAnswer',
        type: 'octets',
        default: '4KiB',
        min: 1,
        max: 64 * 1024,
        sentence: 'The most that is read of an answer; without what is expected in it the check fails.',
      },
      {
        name: 'force',
        type: 'boolean',
        default: 'false',
        sentence: 'Allows port 3306 all the same, where a MySQL server blocks a host after 100 broken handshakes.',
      },
    ],
    load: async () => makes((await import('./tcp.js')).tcp),
  },
  {
    kind: 'pingpong',
    sentence: 'Another responder says pass.',
    options: [
      { name: 'url', type: 'address', required: true, sentence: 'pong://HOST:PORT, or pongs://HOST:PORT for TLS.' },
      {
        name: 'scope',
        type: 'enum',
        values: ['readiness', 'liveness', 'startup'],
        default: 'readiness',
        sentence: 'What it is asked for.',
      },
      {
        name: 'group',
        type: 'string',
        defaultText: 'that of the scope',
        sentence: 'The one of its groups that counts; not together with checks.',
      },
      {
        name: 'checks',
        type: 'names',
        defaultText: 'those of the group',
        sentence: 'The names of those of its checks that count, 1 to 32.',
      },
      {
        name: 'token',
        type: 'string',
        defaultText: 'none',
        secret: true,
        sentence: 'Shown to it in HELLO, where it asks for one.',
      },
      ...tlsOptions,
    ],
    load: async () => makes((await import('./pingpong.js')).pingpong),
  },
  {
    kind: 'process',
    sentence: 'The event loop of this process keeps up, and its heap has room.',
    options: [
      {
        name: 'maxDelay',
        type: 'duration',
        default: '1s',
        sentence: 'The longest that the event loop may have stood still; 0 = no limit.',
      },
      {
        name: 'warnDelay',
        type: 'duration',
        default: '500ms',
        sentence: 'Warns where it stood still for longer than this; 0 = never.',
      },
      {
        name: 'maxUtilization',
        type: 'integer',
        default: '98',
        min: 1,
        max: 100,
        sentence: 'The part of the time that the event loop may have been busy, in percent; 100 = no limit.',
      },
      {
        name: 'warnUtilization',
        type: 'integer',
        default: '90',
        min: 1,
        max: 100,
        sentence: 'Warns where it was busy for more than this part of the time, in percent; 100 = never.',
      },
      {
        name: 'maxHeap',
        type: 'integer',
        default: '90',
        min: 1,
        max: 100,
        sentence: 'The part of its limit that the heap may fill, in percent; 100 = no limit.',
      },
      {
        name: 'warnHeap',
        type: 'integer',
        default: '80',
        min: 1,
        max: 100,
        sentence: 'Warns where the heap fills more than this part, in percent; 100 = never.',
      },
      {
        name: 'window',
        type: 'duration',
        default: '2s',
        min: 100,
        max: 3_600_000,
        sentence: 'The least time that delay and utilization are judged over.',
      },
    ],
    load: async () => makes((await import('./process.js')).process),
  },
  {
    kind: 'disk',
    sentence: 'A file system has space and inodes left.',
    options: [
      { name: 'path', type: 'path', required: true, sentence: 'Any path in the file system.' },
      {
        name: 'minFree',
        type: 'octets',
        default: '0',
        sentence: 'The space that has to be free; 0 = no limit.',
      },
      {
        name: 'minFreePercent',
        type: 'integer',
        default: '5',
        max: 100,
        sentence: 'The part of the space that has to be free, in percent; 0 = no limit.',
      },
      {
        name: 'minFreeInodesPercent',
        type: 'integer',
        default: '5',
        max: 100,
        sentence: 'The part of the inodes that has to be free, in percent; 0 = no limit.',
      },
    ],
    load: async () => makes((await import('./disk.js')).disk),
  },
  {
    kind: 'module',
    sentence: 'A check of your own: the default export of an ES module.',
    options: [
      {
        name: 'path',
        type: 'path',
        required: true,
        readOnce: true,
        sentence:
          'The module, relative to the configuration file. It exports a function, a definition, or, where further options are given, what makes one of these of them.',
      },
      {
        name: 'nonSecret',
        type: 'names',
        defaultText: 'none',
        sentence:
          'Names of further options whose values are not secret. All others are masked in outputs, but for host, port, path, database and user.',
      },
    ],
    open: true,
    load: async () => makes((await import('./module.js')).module),
  },
];

/** The factories judge their options themselves, whoever gives them. */
function makes<Options>(factory: (options: Options) => CheckDefinition | Promise<CheckDefinition>): MakeCheck {
  return (options) => factory(options as Options);
}
