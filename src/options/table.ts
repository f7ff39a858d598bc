import { MAX_CHECKS, scopes } from '../health/health.js';
import { detailModes } from '../net/access.js';
import { tlsVersions } from '../net/tls.js';
import { keepAliveRows } from './keep-alive.js';
import { address, addresses, endpoint, hostUrl, networks, peerAddresses, targets, tokens } from './network-types.js';
import { ONE_DAY, ONE_HOUR, type OptionRow, type ValueType } from './option.js';
import {
  boolean,
  bytes,
  check,
  duration,
  enumeration,
  fileMode,
  instance,
  integer,
  json,
  names,
  path,
  pem,
  requestPath,
  text,
} from './value-types.js';

const MILLION = 1_000_000;

/** Used in files only. In code, each kind has its own factory. */
export const kindRow: OptionRow = {
  path: 'kind',
  fileOnly: true,
  type: text,
  required: true,
  description: 'Kind of the check.',
};

/** Options of every check. */
export const checkSettingRows: readonly OptionRow[] = [
  {
    path: 'timeout',
    type: duration,
    default: '800ms',
    min: 1,
    max: ONE_HOUR,
    description:
      'Time limit of one run. A run that takes longer is aborted and fails with reason timeout. Opening a persistent connection has the same limit in addition.',
  },
  {
    path: 'maxAge',
    type: duration,
    defaultText: '1s, or interval + timeout if interval is set',
    max: ONE_DAY,
    description: 'Maximum age of a result that is returned to a caller who does not request a fresher one.',
  },
  {
    path: 'interval',
    type: duration,
    default: '5s',
    max: ONE_DAY,
    description: 'Time between background runs; 0 = run only on demand.',
  },
  {
    path: 'minInterval',
    formerly: 'floor',
    type: duration,
    default: '100ms',
    min: 1,
    max: ONE_DAY,
    description: 'Minimum time between the starts of two runs, in the background or on demand.',
  },
  {
    path: 'rise',
    type: integer,
    default: '1',
    min: 1,
    max: 1000,
    description: 'Consecutive good results before a failing check counts as good.',
  },
  {
    path: 'fall',
    type: integer,
    default: '1',
    min: 1,
    max: 1000,
    description: 'Consecutive bad results before a passing check counts as bad.',
  },
  {
    path: 'critical',
    type: boolean,
    default: 'true',
    description: 'If false, a failure of this check only degrades the overall status to warn.',
  },
  {
    path: 'onShared',
    type: enumeration,
    values: ['fail', 'warn'],
    default: 'fail',
    description:
      'Effect of a failure that at least two thirds of the peers share: fail = as of every other failure, warn = it only degrades the overall status to warn. warn requires peers.from, an interval and critical.',
  },
  {
    path: 'groups',
    type: names,
    default: 'readiness',
    description: 'Groups that include this check. The group startup is built in; every check is in the group all.',
  },
];

/** Credentials for connections to other responders. `who` names these responders in the plural. */
function credentialRows(section: string, who: string): readonly OptionRow[] {
  const row = (path: string, type: ValueType, description: string, defaultText = 'none'): OptionRow => ({
    path: `${section}.${path}`,
    type,
    defaultText,
    description,
  });
  return [
    { ...row('token', text, `Token to send in HELLO, if the ${who} require one.`), secret: true },
    row('tls.ca', path, `CA file (PEM) to verify the ${who} with.`, 'the CAs of Node.js'),
    row('tls.cert', path, 'Client certificate file (PEM).'),
    row('tls.key', path, 'Private key file (PEM) of the client certificate.'),
    row('tls.servername', text, `Name that the certificates of the ${who} must match.`, 'the host of the address'),
    row(
      'tls.verify',
      boolean,
      `If false, accepts any certificate, which allows anyone to impersonate the ${who}.`,
      'true',
    ),
  ];
}

/**
 * All options, in documentation order. The reader, the tables in docs/, the JSON schema and `--help` are generated from
 * these rows. The options of each check kind are in its own folder.
 */
export const optionRows: readonly OptionRow[] = [
  {
    path: 'listen',
    type: addresses,
    default: 'pong://127.0.0.1:7464',
    env: 'PONGCHECK_LISTEN',
    flag: 'listen',
    description: 'Addresses that PINGs are answered on. In the environment, separate several with commas.',
  },
  {
    path: 'listen[].url',
    type: address,
    required: true,
    description: 'Address of one listener. In a container use pong://0.0.0.0:7464. Port 0 selects any free port.',
  },
  {
    path: 'listen[].idleTimeout',
    type: duration,
    defaultText: 'heartbeat.idleTimeout',
    max: ONE_DAY,
    description: 'Closes connections of this listener after this time without data; 0 = never.',
  },
  {
    path: 'listen[].mode',
    type: fileMode,
    defaultText: 'set by the umask',
    description:
      'File mode of a Unix socket (pong+unix:/PATH), as for chmod. Only clients with write permission can connect.',
  },
  {
    path: 'listen[].requireToken',
    type: boolean,
    defaultText: 'false',
    description: 'Requires a HELLO with a valid token before anything else (ERROR 6). Disables line mode.',
  },
  {
    path: 'listen[].tls.cert',
    type: path,
    required: true,
    description: 'Certificate chain file (PEM), for pongs://HOST:PORT. Re-read every minute and on SIGHUP.',
  },
  {
    path: 'listen[].tls.key',
    type: path,
    required: true,
    description: 'Private key file (PEM) of the certificate, without a passphrase.',
  },
  {
    path: 'listen[].tls.ca',
    type: path,
    defaultText: 'none',
    description: 'CA file (PEM). Clients without a certificate from these CAs are rejected (ERROR 6).',
  },
  {
    path: 'listen[].tls.minVersion',
    type: enumeration,
    values: tlsVersions,
    defaultText: 'TLSv1.2',
    description: 'Minimum TLS version.',
  },
  {
    path: 'listen[].proxyProtocol.from',
    type: networks,
    required: true,
    description:
      'Addresses of proxies that send a PROXY protocol v2 header, so that the client address is known. Must not include clients: a listed address can claim any client address.',
  },
  ...keepAliveRows.map((row) => ({ ...row, path: `listen[].${row.path}` })),
  {
    path: 'http',
    type: endpoint,
    default: '127.0.0.1:7664',
    env: 'PONGCHECK_HTTP',
    flag: 'http',
    description:
      'Address of the HTTP server for the status page, /health, /livez, /readyz, /startupz and /metrics; false disables it.',
  },
  {
    path: 'http.host',
    type: text,
    default: '127.0.0.1',
    description: 'Host or IP address that the HTTP server binds to.',
  },
  {
    path: 'http.port',
    type: integer,
    default: '7664',
    min: 0,
    max: 65_535,
    description: 'Port of the HTTP server; 0 selects any free port.',
  },
  {
    path: 'http.maxConnections',
    type: integer,
    default: '1000',
    min: 1,
    max: MILLION,
    description:
      'Maximum number of HTTP connections. At the limit a connection without a request is closed for a new one, then an idle one; if all are busy, the new one is refused.',
  },
  {
    path: 'http.maxConnectionsPerAddress',
    type: integer,
    default: '0',
    max: MILLION,
    description:
      'Maximum number of HTTP connections from one IPv4 address or IPv6 network (limits.ipv6Prefix); 0 = unlimited.',
  },
  {
    path: 'http.tls.cert',
    type: path,
    required: true,
    description: 'Certificate chain file (PEM), for https://. Re-read every minute and on SIGHUP.',
  },
  {
    path: 'http.tls.key',
    type: path,
    required: true,
    description: 'Private key file (PEM) of the certificate, without a passphrase.',
  },
  {
    path: 'http.tls.ca',
    type: path,
    defaultText: 'none',
    description: 'CA file (PEM). The TLS handshake of clients without a certificate from these CAs fails.',
  },
  {
    path: 'http.tls.minVersion',
    type: enumeration,
    values: tlsVersions,
    defaultText: 'TLSv1.2',
    description: 'Minimum TLS version.',
  },
  {
    path: 'grpc',
    type: endpoint,
    default: 'false',
    env: 'PONGCHECK_GRPC',
    flag: 'grpc',
    description:
      'Address of the gRPC server for the standard health service, grpc.health.v1; false disables it. Requires the package @grpc/grpc-js.',
  },
  {
    path: 'grpc.host',
    type: text,
    default: '127.0.0.1',
    description: 'Host or IP address that the gRPC server binds to.',
  },
  {
    path: 'grpc.port',
    type: integer,
    default: '7864',
    min: 0,
    max: 65_535,
    description: 'Port of the gRPC server; 0 selects any free port.',
  },
  {
    path: 'grpc.maxConnections',
    type: integer,
    default: '1000',
    min: 1,
    max: MILLION,
    description: 'Maximum number of gRPC connections. Further ones are closed on accept.',
  },
  {
    path: 'grpc.maxConnectionsPerAddress',
    type: integer,
    default: '0',
    max: MILLION,
    description:
      'Maximum number of gRPC connections from one IPv4 address or IPv6 network (limits.ipv6Prefix); 0 = unlimited.',
  },
  {
    path: 'grpc.tls.cert',
    type: path,
    required: true,
    description: 'Certificate chain file (PEM), for gRPC over TLS. Re-read every minute and on SIGHUP.',
  },
  {
    path: 'grpc.tls.key',
    type: path,
    required: true,
    description: 'Private key file (PEM) of the certificate, without a passphrase.',
  },
  {
    path: 'grpc.tls.ca',
    type: path,
    defaultText: 'none',
    description: 'CA file (PEM). The TLS handshake of clients without a certificate from these CAs fails.',
  },
  {
    path: 'grpc.tls.minVersion',
    type: enumeration,
    values: tlsVersions,
    defaultText: 'TLSv1.2',
    description: 'Minimum TLS version.',
  },

  {
    path: 'probe.targets',
    type: targets,
    required: true,
    description:
      'Targets that GET /probe may probe: NAME:PORT, *.SUFFIX:PORT, ADDRESS:PORT, NETWORK/BITS:PORT; * as port allows any port.',
  },
  {
    path: 'probe.maxConcurrent',
    type: integer,
    defaultText: '500',
    min: 1,
    max: 100_000,
    description: 'Maximum number of concurrent probes; further ones are refused with status 503.',
  },
  {
    path: 'probe.modules.*.prober',
    type: enumeration,
    required: true,
    values: ['pongcheck', 'line', 'http', 'tcp'],
    description:
      'pongcheck sends a PING, line sends ping in line mode, http requests a health endpoint, tcp only connects. By default there is one module of each, with these names.',
  },
  {
    path: 'probe.modules.*.timeout',
    type: duration,
    defaultText: '5s',
    min: 1,
    max: ONE_HOUR,
    description: 'Time limit of a probe, or the scrape timeout of Prometheus minus 0.5s if that is shorter.',
  },
  {
    path: 'probe.modules.*.scope',
    type: enumeration,
    defaultText: 'readiness',
    values: scopes,
    description: '(prober pongcheck) Scope to query.',
  },
  {
    path: 'probe.modules.*.group',
    type: text,
    defaultText: 'none',
    description: '(prober pongcheck) Group to query. Cannot be combined with checks.',
  },
  {
    path: 'probe.modules.*.checks',
    type: names,
    max: MAX_CHECKS,
    defaultText: 'all checks of the group',
    description: '(prober pongcheck) Names of the checks to query. Cannot be combined with group.',
  },
  {
    path: 'probe.modules.*.path',
    type: requestPath,
    defaultText: '/health',
    description: '(prober http) Path and query of the request.',
  },
  {
    path: 'probe.modules.*.token',
    type: text,
    secret: true,
    defaultText: 'none',
    description: 'Token to send: in HELLO (prober pongcheck), or as Authorization: Bearer (prober http).',
  },
  {
    path: 'probe.modules.*.tls.ca',
    fileOnly: true,
    type: path,
    defaultText: 'the CAs of Node.js',
    description: 'CA file (PEM) to verify the target with. Any probe.modules.*.tls, {} included, enables TLS.',
  },
  {
    path: 'probe.modules.*.tls.cert',
    fileOnly: true,
    type: path,
    defaultText: 'none',
    description: 'Client certificate file (PEM).',
  },
  {
    path: 'probe.modules.*.tls.key',
    fileOnly: true,
    type: path,
    defaultText: 'none',
    description: 'Private key file (PEM) of the client certificate.',
  },
  {
    path: 'probe.modules.*.tls.servername',
    type: text,
    defaultText: 'the host of the target',
    description: 'Name that the certificate of the target must match.',
  },
  {
    path: 'probe.modules.*.tls.verify',
    fileOnly: true,
    type: boolean,
    defaultText: 'true',
    description: 'If false, accepts any certificate, which allows anyone to impersonate the target.',
  },

  ...[kindRow, ...checkSettingRows].map((row) => ({ ...row, path: `checks.*.${row.path}` })),

  {
    path: 'peers.from',
    type: peerAddresses,
    required: true,
    description:
      'Addresses of the other instances of this service, which are asked about checks with onShared: warn. A host name stands for all of its A and AAAA records, srv+pong://NAME for its SRV records. This instance may be among them.',
  },
  {
    path: 'peers.ask',
    type: integer,
    default: '11',
    min: 1,
    max: 16,
    description: 'Maximum number of peers to ask at a time.',
  },
  {
    path: 'peers.timeout',
    type: duration,
    default: '300ms',
    min: 10,
    max: 10_000,
    description: 'Time limit for the answers of all of these peers together.',
  },
  ...credentialRows('peers', 'peers'),

  {
    path: 'fleet.from',
    type: peerAddresses,
    max: 500,
    required: true,
    description:
      'Addresses of the responders that the page GET /fleet shows, at most 500. A host name stands for all of its A and AAAA records, srv+pong://NAME for its SRV records.',
  },
  ...credentialRows('fleet', 'responders'),
  {
    path: 'fleet.statusUrl',
    type: hostUrl,
    defaultText: 'no links',
    description:
      'URL of the status page of each responder, for the links of GET /fleet: {host} stands for its address, as in http://{host}:7664/.',
  },

  {
    path: 'ping.timeout',
    type: duration,
    default: '2s',
    max: ONE_HOUR,
    env: 'PONGCHECK_PING_TIMEOUT',
    description:
      'Deadline of a PING that does not set one. At the deadline the last known status is returned as stale.',
  },
  {
    path: 'ping.maxTimeout',
    type: duration,
    default: '10s',
    min: 1,
    max: ONE_HOUR,
    env: 'PONGCHECK_PING_MAX_TIMEOUT',
    description: 'Maximum deadline that a PING may set; longer ones are reduced to it.',
  },
  {
    path: 'ping.staleLimit',
    type: duration,
    default: '30s',
    max: ONE_DAY,
    env: 'PONGCHECK_PING_STALE_LIMIT',
    description: 'Maximum age of a stale result; an older one counts as unknown.',
  },
  {
    path: 'startup.grace',
    type: duration,
    defaultText: 'unlimited',
    max: ONE_DAY,
    env: 'PONGCHECK_STARTUP_GRACE',
    description:
      'How long the startup scope stays starting before its checks have passed. Afterwards it reports the status of its checks, such as fail.',
  },
  {
    path: 'history.file',
    type: path,
    defaultText: 'none',
    env: 'PONGCHECK_HISTORY_FILE',
    description:
      'File that keeps the history of checks and groups over a restart, with at most 8 MiB. One process uses it at a time.',
  },
  {
    path: 'threads',
    type: integer,
    default: '0',
    fileDefault: '1',
    max: 16,
    env: 'PONGCHECK_THREADS',
    flag: 'threads',
    description:
      'Number of threads that answer PINGs, so that a blocked event loop of the main thread delays no answer; 0 = the main thread answers them. Several threads share each port (SO_REUSEPORT), which requires Node.js >= 22.12 or >= 23.1.',
  },
  {
    path: 'loop.readinessStall',
    type: duration,
    default: '2s',
    max: ONE_HOUR,
    env: 'PONGCHECK_LOOP_READINESS_STALL',
    description:
      'Readiness fails with reason loop-blocked while the event loop of the main thread has been blocked for longer than this; 0 = never. Requires threads.',
  },
  {
    path: 'loop.livenessStall',
    type: duration,
    default: '10s',
    max: ONE_HOUR,
    env: 'PONGCHECK_LOOP_LIVENESS_STALL',
    description:
      'Liveness fails as well while the event loop of the main thread has been blocked for longer than this; 0 = never. At least loop.readinessStall. Requires threads.',
  },
  {
    path: 'heartbeat.idleTimeout',
    type: duration,
    default: '90s',
    max: ONE_DAY,
    env: 'PONGCHECK_HEARTBEAT_IDLE_TIMEOUT',
    description: 'Closes connections after this time without data (ERROR 9); 0 = never.',
  },
  {
    path: 'heartbeat.pingInterval',
    type: duration,
    default: '0',
    max: ONE_DAY,
    env: 'PONGCHECK_HEARTBEAT_PING_INTERVAL',
    description: 'Interval of the PINGs to clients that requested them in HELLO; 0 = never.',
  },
  {
    path: 'heartbeat.maxPingsOut',
    type: integer,
    default: '3',
    max: 1000,
    env: 'PONGCHECK_HEARTBEAT_MAX_PINGS_OUT',
    description:
      'Unanswered PINGs after which such a client is considered dead when the next is due (ERROR 13); 0 = never.',
  },
  {
    path: 'limits.frameTimeout',
    type: duration,
    default: '5s',
    min: 1,
    max: ONE_HOUR,
    env: 'PONGCHECK_LIMITS_FRAME_TIMEOUT',
    description: 'Time limit for a complete frame or line, from its first byte.',
  },
  {
    path: 'limits.handshakeTimeout',
    type: duration,
    default: '5s',
    min: 1,
    max: 60_000,
    env: 'PONGCHECK_LIMITS_HANDSHAKE_TIMEOUT',
    description: 'Time limit for a PROXY header, for a TLS handshake, and for a required token.',
  },
  {
    path: 'limits.maxHandshakes',
    type: integer,
    default: '1000',
    min: 1,
    max: MILLION,
    env: 'PONGCHECK_LIMITS_MAX_HANDSHAKES',
    description:
      'Maximum number of concurrent TLS handshakes and pending PROXY headers, over all listeners. Further connections are closed on accept.',
  },
  {
    path: 'limits.maxPending',
    type: integer,
    default: '1024',
    min: 1,
    max: MILLION,
    env: 'PONGCHECK_LIMITS_MAX_PENDING',
    description: 'Maximum number of unanswered PINGs of one connection. At the limit, reading from it is paused.',
  },
  {
    path: 'limits.maxQueuedBytes',
    type: bytes,
    default: '256KiB',
    min: 65_536,
    max: 1024 ** 3,
    env: 'PONGCHECK_LIMITS_MAX_QUEUED_BYTES',
    description: 'Maximum size of the send queue of one connection. At the limit, reading from it is paused.',
  },
  {
    path: 'limits.stallTimeout',
    type: duration,
    default: '10s',
    min: 1,
    max: ONE_HOUR,
    env: 'PONGCHECK_LIMITS_STALL_TIMEOUT',
    description: 'Closes a connection whose peer reads none of the queued output for this time (ERROR 10).',
  },
  {
    path: 'limits.pingsPerSecond',
    type: integer,
    default: '10000',
    max: 1000 * MILLION,
    env: 'PONGCHECK_LIMITS_PINGS_PER_SECOND',
    description: 'Maximum number of frames and lines per second from one connection (ERROR 8); 0 = unlimited.',
  },
  {
    path: 'limits.maxWatches',
    type: integer,
    default: '64',
    max: 10_000,
    env: 'PONGCHECK_LIMITS_MAX_WATCHES',
    description: 'Maximum number of WATCHes of one connection (ERROR 7); 0 = WATCH is disabled.',
  },
  {
    path: 'limits.maxWatchedSelections',
    type: integer,
    default: '256',
    max: 10_000,
    env: 'PONGCHECK_LIMITS_MAX_WATCHED_SELECTIONS',
    description:
      'Maximum number of distinct check lists watched at a time, over all connections (ERROR 7); 0 = none. Scopes and groups do not count.',
  },
  {
    path: 'limits.maxConnections',
    type: integer,
    default: '10000',
    min: 1,
    max: MILLION,
    env: 'PONGCHECK_LIMITS_MAX_CONNECTIONS',
    description:
      'Maximum number of connections, over all listeners. Further ones are closed on accept. Lowered if the open files limit of the process is too small.',
  },
  {
    path: 'limits.maxConnectionsPerAddress',
    type: integer,
    default: '0',
    max: MILLION,
    env: 'PONGCHECK_LIMITS_MAX_CONNECTIONS_PER_ADDRESS',
    description:
      'Maximum number of connections from one IPv4 address or IPv6 network (limits.ipv6Prefix); 0 = unlimited. Unix sockets do not count.',
  },
  {
    path: 'limits.ipv6Prefix',
    type: integer,
    default: '64',
    min: 1,
    max: 128,
    env: 'PONGCHECK_LIMITS_IPV6_PREFIX',
    description: 'Prefix length of the IPv6 networks that maxConnectionsPerAddress counts, in bits.',
  },
  {
    path: 'drain.grace',
    type: duration,
    default: '10s',
    max: ONE_HOUR,
    env: 'PONGCHECK_DRAIN_GRACE',
    description: 'Maximum time from SIGTERM until the listeners close. Meanwhile readiness is draining.',
  },
  {
    path: 'drain.delay',
    type: duration,
    default: '5s',
    defaultText: '5s, or drain.grace if shorter',
    max: ONE_HOUR,
    env: 'PONGCHECK_DRAIN_DELAY',
    description: 'Minimum drain time, even with no connections. At most drain.grace.',
  },
  {
    path: 'detail',
    type: enumeration,
    values: detailModes,
    default: 'loopback',
    env: 'PONGCHECK_DETAIL',
    description:
      'Which clients receive check names and reasons. Behind a proxy on the same host, every client appears as loopback.',
  },
  {
    path: 'tokens',
    type: tokens,
    env: 'PONGCHECK_TOKENS',
    defaultText: 'none',
    secret: true,
    description: 'Accepted tokens, sent in HELLO or as Authorization: Bearer. List several to rotate them.',
  },
  {
    path: 'serviceId',
    type: text,
    env: 'PONGCHECK_SERVICE_ID',
    defaultText: 'not set',
    description: 'Service id in reports.',
  },
  {
    path: 'releaseId',
    type: text,
    env: 'PONGCHECK_RELEASE_ID',
    defaultText: 'not set',
    description: 'Release id in reports.',
  },
  {
    path: 'log.level',
    fileOnly: true,
    type: enumeration,
    values: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    default: 'info',
    env: 'PONGCHECK_LOG_LEVEL',
    flag: 'log-level',
    description: 'Minimum severity of the lines that are logged.',
  },
  {
    path: 'log.pretty',
    fileOnly: true,
    type: boolean,
    defaultText: 'true on a terminal',
    env: 'PONGCHECK_LOG_PRETTY',
    flag: 'log-pretty',
    description: 'Logs human-readable lines instead of JSON.',
  },
];

/** Options that exist only in code. */
export const codeOptionRows: readonly OptionRow[] = [
  { path: 'checks.*', type: check, description: 'A definition such as `mysqlCheck({ url })`, or a function.' },
  {
    path: 'register',
    type: instance,
    values: ['registerMetric', 'removeSingleMetric', 'metrics'],
    description:
      'A prom-client registry. The metrics are added to it on `start` and removed on `stop`. Default: a separate registry.',
  },
  {
    path: 'heartbeat.pingData',
    type: json,
    max: 1024,
    defaultText: 'none',
    description: 'Body of the PINGs that the server sends.',
  },
  ...['ca', 'cert', 'key'].map(
    (part): OptionRow => ({
      path: `probe.modules.*.tls.${part}`,
      type: pem,
      defaultText: 'none',
      description: 'As in the `tls` option of a client.',
    }),
  ),
  {
    path: 'probe.modules.*.tls.rejectUnauthorized',
    type: boolean,
    defaultText: 'true',
    description: 'If false, accepts any certificate.',
  },
  {
    path: 'log',
    type: instance,
    values: ['debug', 'info', 'warn', 'error'],
    description: 'A pino logger, or an object with these methods. Default: no logging.',
  },
  {
    path: 'clock',
    type: instance,
    values: ['now', 'wall', 'after', 'clear'],
    description: 'Time source, for tests. Default: the clock of the process.',
  },
];

/** Environment variables that add a check each, or replace the URL of the check with that name. */
export const checkVariables = [
  {
    env: 'MYSQL_URL',
    name: 'mysql',
    kind: 'mysql',
    description: 'Adds a check named mysql: mysql://USER:PASSWORD@HOST:PORT/DATABASE.',
  },
  { env: 'REDIS_URL', name: 'redis', kind: 'redis', description: 'Adds a check named redis: redis://HOST:PORT.' },
  {
    env: 'SERVICE_URL',
    name: 'service',
    kind: 'http',
    description: 'Adds a check named service, of kind http: http://HOST:PORT/PATH.',
  },
] as const;
