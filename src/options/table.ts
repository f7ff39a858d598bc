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
  description: 'Check kind.',
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
      'Time limit for one run. A run that takes longer is aborted, and the check fails with the reason timeout. The same limit applies separately to opening a persistent connection.',
  },
  {
    path: 'maxAge',
    type: duration,
    defaultText: '1s, or interval + timeout if interval is set',
    max: ONE_DAY,
    description:
      'Maximum age of a result that is returned without starting a run. A caller can set its own maximum age.',
  },
  {
    path: 'interval',
    type: duration,
    default: '5s',
    max: ONE_DAY,
    description: 'Time between background runs; 0 = run on demand only.',
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
    description: 'Number of consecutive good results after which a failing check counts as good.',
  },
  {
    path: 'fall',
    type: integer,
    default: '1',
    min: 1,
    max: 1000,
    description: 'Number of consecutive bad results after which a passing check counts as bad.',
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
      'Effect of a failure that at least two thirds of the answering peers also report, if at least two answer: fail = counts like any other failure, warn = only degrades the overall status to warn. The value warn requires peers.from, an interval and critical.',
  },
  {
    path: 'groups',
    type: names,
    default: 'readiness',
    description: 'Groups that include this check. The group startup is built in, and every check is in the group all.',
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
    row('tls.ca', path, `CA file (PEM) for verifying the ${who}.`, 'the Node.js root CAs'),
    row('tls.cert', path, 'Client certificate file (PEM).'),
    row('tls.key', path, 'Private key file (PEM) for the client certificate.'),
    row('tls.servername', text, `Name that the certificates of the ${who} must match.`, 'the host in the address'),
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
    description: 'Addresses to listen on for PINGs. In the environment variable, separate addresses with commas.',
  },
  {
    path: 'listen[].url',
    type: address,
    required: true,
    description: 'Listener address. In a container, use pong://0.0.0.0:7464. Port 0 selects any free port.',
  },
  {
    path: 'listen[].idleTimeout',
    type: duration,
    defaultText: 'heartbeat.idleTimeout',
    max: ONE_DAY,
    description: 'Time without data after which connections to this listener are closed; 0 = never.',
  },
  {
    path: 'listen[].mode',
    type: fileMode,
    defaultText: 'from the umask',
    description:
      'File mode of the Unix socket (pong+unix:/PATH), as in chmod. Only clients with write permission can connect.',
  },
  {
    path: 'listen[].requireToken',
    type: boolean,
    defaultText: 'false',
    description:
      'If true, a connection is closed (ERROR 6) unless the client first sends a HELLO with a valid token. Disables line mode.',
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
    description: 'Private key file (PEM) for the certificate, without a passphrase.',
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
      'Addresses of the proxies that send a PROXY protocol v2 header with the client address. Do not list clients: a listed address can claim any client address.',
  },
  ...keepAliveRows.map((row) => ({ ...row, path: `listen[].${row.path}` })),
  {
    path: 'http',
    type: endpoint,
    default: '127.0.0.1:7664',
    env: 'PONGCHECK_HTTP',
    flag: 'http',
    description:
      'Address of the HTTP server, which serves the status page, /health, /livez, /readyz, /startupz and /metrics; false disables it.',
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
      'Maximum number of HTTP connections. At the limit, a new connection replaces one that has sent no request, or else an idle one. If all connections are busy, the new connection is refused.',
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
    description: 'Private key file (PEM) for the certificate, without a passphrase.',
  },
  {
    path: 'http.tls.ca',
    type: path,
    defaultText: 'none',
    description: 'CA file (PEM). Clients without a certificate from these CAs are rejected in the TLS handshake.',
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
      'Address of the gRPC server, which serves the standard health service, grpc.health.v1; false disables it. Requires the package @grpc/grpc-js.',
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
    description: 'Maximum number of gRPC connections. Further connections are closed on accept.',
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
    description: 'Private key file (PEM) for the certificate, without a passphrase.',
  },
  {
    path: 'grpc.tls.ca',
    type: path,
    defaultText: 'none',
    description: 'CA file (PEM). Clients without a certificate from these CAs are rejected in the TLS handshake.',
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
      'Targets that GET /probe may probe: NAME:PORT, *.SUFFIX:PORT, ADDRESS:PORT or NETWORK/BITS:PORT, with * for any port.',
  },
  {
    path: 'probe.maxConcurrent',
    type: integer,
    defaultText: '500',
    min: 1,
    max: 100_000,
    description: 'Maximum number of concurrent probes; further probes are refused with status 503.',
  },
  {
    path: 'probe.modules.*.prober',
    type: enumeration,
    required: true,
    values: ['pongcheck', 'line', 'http', 'tcp'],
    description:
      'Probe type: pongcheck sends a PING, line sends ping in line mode, http requests a health endpoint, tcp only connects. By default, there is one module for each type, with the same name.',
  },
  {
    path: 'probe.modules.*.timeout',
    type: duration,
    defaultText: '5s',
    min: 1,
    max: ONE_HOUR,
    description: 'Probe timeout. If the Prometheus scrape timeout minus 0.5s is shorter, that time applies instead.',
  },
  {
    path: 'probe.modules.*.scope',
    type: enumeration,
    defaultText: 'readiness',
    values: scopes,
    description: 'pongcheck prober only: scope to query.',
  },
  {
    path: 'probe.modules.*.group',
    type: text,
    defaultText: 'none',
    description: 'pongcheck prober only: group to query. Cannot be combined with checks.',
  },
  {
    path: 'probe.modules.*.checks',
    type: names,
    max: MAX_CHECKS,
    defaultText: 'all checks of the group',
    description: 'pongcheck prober only: names of the checks to query. Cannot be combined with group.',
  },
  {
    path: 'probe.modules.*.path',
    type: requestPath,
    defaultText: '/health',
    description: 'http prober only: request path and query.',
  },
  {
    path: 'probe.modules.*.token',
    type: text,
    secret: true,
    defaultText: 'none',
    description: 'Token to send: in HELLO (pongcheck prober), or as Authorization: Bearer (http prober).',
  },
  {
    path: 'probe.modules.*.tls.ca',
    fileOnly: true,
    type: path,
    defaultText: 'the Node.js root CAs',
    description: 'CA file (PEM) for verifying the target. Any probe.modules.*.tls, even {}, enables TLS.',
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
    description: 'Private key file (PEM) for the client certificate.',
  },
  {
    path: 'probe.modules.*.tls.servername',
    type: text,
    defaultText: 'the target host',
    description: 'Name that the target certificate must match.',
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
      'Addresses of the other instances of this service. These instances are queried about failing checks that have onShared: warn. A host name is resolved to all its A and AAAA records, srv+pong://NAME to its SRV records. The list may include this instance.',
  },
  {
    path: 'peers.ask',
    type: integer,
    default: '11',
    min: 1,
    max: 16,
    description: 'Maximum number of peers to query about a failing check.',
  },
  {
    path: 'peers.timeout',
    type: duration,
    default: '300ms',
    min: 10,
    max: 10_000,
    description: 'Time limit for the answers of all queried peers together.',
  },
  ...credentialRows('peers', 'peers'),

  {
    path: 'fleet.from',
    type: peerAddresses,
    max: 500,
    required: true,
    description:
      'Addresses of the responders on the fleet page, GET /fleet; at most 500. A host name is resolved to all its A and AAAA records, srv+pong://NAME to its SRV records.',
  },
  ...credentialRows('fleet', 'responders'),
  {
    path: 'fleet.statusUrl',
    type: hostUrl,
    defaultText: 'no links',
    description:
      'URL template for the status page of each responder, used for the links on the fleet page. {host} is replaced with the host of the responder, without the port, as in http://{host}:7664/.',
  },

  {
    path: 'ping.timeout',
    type: duration,
    default: '2s',
    max: ONE_HOUR,
    env: 'PONGCHECK_PING_TIMEOUT',
    description:
      'Deadline for PINGs that do not set one. At the deadline, the last known status is returned, marked as stale.',
  },
  {
    path: 'ping.maxTimeout',
    type: duration,
    default: '10s',
    min: 1,
    max: ONE_HOUR,
    env: 'PONGCHECK_PING_MAX_TIMEOUT',
    description: 'Maximum deadline that a PING may set; longer deadlines are reduced to it.',
  },
  {
    path: 'ping.staleLimit',
    type: duration,
    default: '30s',
    max: ONE_DAY,
    env: 'PONGCHECK_PING_STALE_LIMIT',
    description: 'Maximum age of a stale result; older results count as unknown.',
  },
  {
    path: 'startup.grace',
    type: duration,
    defaultText: 'unlimited',
    max: ONE_DAY,
    env: 'PONGCHECK_STARTUP_GRACE',
    description:
      'Maximum time for which the startup scope reports starting. After that time, it reports the status of its checks, such as fail, until startup has passed.',
  },
  {
    path: 'history.file',
    type: path,
    defaultText: 'none',
    env: 'PONGCHECK_HISTORY_FILE',
    description:
      'File that keeps the history of checks and groups across restarts, at most 8 MiB. Only one process can use the file at a time.',
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
      'Number of threads that answer PINGs, so that a blocked main event loop does not delay answers; 0 = the main thread answers them. With several threads, each port is shared (SO_REUSEPORT), which requires Node.js >= 22.12 or >= 23.1.',
  },
  {
    path: 'loop.readinessStall',
    type: duration,
    default: '2s',
    max: ONE_HOUR,
    env: 'PONGCHECK_LOOP_READINESS_STALL',
    description:
      'Time that the main event loop may be blocked before readiness fails with the reason loop-blocked; 0 = unlimited. Requires threads.',
  },
  {
    path: 'loop.livenessStall',
    type: duration,
    default: '10s',
    max: ONE_HOUR,
    env: 'PONGCHECK_LOOP_LIVENESS_STALL',
    description:
      'Time that the main event loop may be blocked before liveness fails too; 0 = unlimited. Any other value must be at least loop.readinessStall. Requires threads.',
  },
  {
    path: 'heartbeat.idleTimeout',
    type: duration,
    default: '90s',
    max: ONE_DAY,
    env: 'PONGCHECK_HEARTBEAT_IDLE_TIMEOUT',
    description: 'Time without data after which a connection is closed (ERROR 9); 0 = never.',
  },
  {
    path: 'heartbeat.pingInterval',
    type: duration,
    default: '0',
    max: ONE_DAY,
    env: 'PONGCHECK_HEARTBEAT_PING_INTERVAL',
    description: 'Interval between PINGs to clients that requested them in HELLO; 0 = never.',
  },
  {
    path: 'heartbeat.maxPingsOut',
    type: integer,
    default: '3',
    max: 1000,
    env: 'PONGCHECK_HEARTBEAT_MAX_PINGS_OUT',
    description:
      'Maximum number of unanswered PINGs to a client. If that many are unanswered when the next PING is due, the client is considered dead (ERROR 13); 0 = unlimited.',
  },
  {
    path: 'limits.frameTimeout',
    type: duration,
    default: '5s',
    min: 1,
    max: ONE_HOUR,
    env: 'PONGCHECK_LIMITS_FRAME_TIMEOUT',
    description: 'Time limit for receiving a complete frame or line, from its first byte.',
  },
  {
    path: 'limits.handshakeTimeout',
    type: duration,
    default: '5s',
    min: 1,
    max: 60_000,
    env: 'PONGCHECK_LIMITS_HANDSHAKE_TIMEOUT',
    description:
      'Time limit for the PROXY header, for the TLS handshake, and for the required token, each measured separately.',
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
    description:
      'Maximum number of unanswered PINGs per connection. At the limit, reading from the connection is paused.',
  },
  {
    path: 'limits.maxQueuedBytes',
    type: bytes,
    default: '256KiB',
    min: 65_536,
    max: 1024 ** 3,
    env: 'PONGCHECK_LIMITS_MAX_QUEUED_BYTES',
    description: 'Maximum size of the send queue per connection. At the limit, reading from the connection is paused.',
  },
  {
    path: 'limits.stallTimeout',
    type: duration,
    default: '10s',
    min: 1,
    max: ONE_HOUR,
    env: 'PONGCHECK_LIMITS_STALL_TIMEOUT',
    description: 'Time after which a connection is closed if its peer reads none of the queued output (ERROR 10).',
  },
  {
    path: 'limits.pingsPerSecond',
    type: integer,
    default: '10000',
    max: 1000 * MILLION,
    env: 'PONGCHECK_LIMITS_PINGS_PER_SECOND',
    description: 'Maximum number of frames and lines per second per connection (ERROR 8); 0 = unlimited.',
  },
  {
    path: 'limits.maxWatches',
    type: integer,
    default: '64',
    max: 10_000,
    env: 'PONGCHECK_LIMITS_MAX_WATCHES',
    description: 'Maximum number of watches per connection (ERROR 7); 0 = WATCH is disabled.',
  },
  {
    path: 'limits.maxWatchedSelections',
    type: integer,
    default: '256',
    max: 10_000,
    env: 'PONGCHECK_LIMITS_MAX_WATCHED_SELECTIONS',
    description:
      'Maximum number of distinct check lists that are watched at a time, over all connections (ERROR 7); 0 = none. Watches of scopes and groups do not count.',
  },
  {
    path: 'limits.maxConnections',
    type: integer,
    default: '10000',
    min: 1,
    max: MILLION,
    env: 'PONGCHECK_LIMITS_MAX_CONNECTIONS',
    description:
      'Maximum number of connections, over all listeners. Further connections are closed on accept. Lowered if the open file limit of the process is too small.',
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
    description: 'Prefix length, in bits, of the IPv6 networks that maxConnectionsPerAddress counts as one address.',
  },
  {
    path: 'drain.grace',
    type: duration,
    default: '10s',
    max: ONE_HOUR,
    env: 'PONGCHECK_DRAIN_GRACE',
    description: 'Maximum time from SIGTERM until the listeners close. During this time, readiness is draining.',
  },
  {
    path: 'drain.delay',
    type: duration,
    default: '5s',
    defaultText: '5s, or drain.grace if shorter',
    max: ONE_HOUR,
    env: 'PONGCHECK_DRAIN_DELAY',
    description: 'Minimum drain time, even without connections. Must not exceed drain.grace.',
  },
  {
    path: 'detail',
    type: enumeration,
    values: detailModes,
    default: 'loopback',
    env: 'PONGCHECK_DETAIL',
    description:
      'Which clients receive check names and reasons. Behind a proxy on the same host, every client appears to be on loopback.',
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
    description: 'Service ID in reports.',
  },
  {
    path: 'releaseId',
    type: text,
    env: 'PONGCHECK_RELEASE_ID',
    defaultText: 'not set',
    description: 'Release ID in reports.',
  },
  {
    path: 'log.level',
    fileOnly: true,
    type: enumeration,
    values: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    default: 'info',
    env: 'PONGCHECK_LOG_LEVEL',
    flag: 'log-level',
    description: 'Minimum log level.',
  },
  {
    path: 'log.pretty',
    fileOnly: true,
    type: boolean,
    defaultText: 'true on a terminal',
    env: 'PONGCHECK_LOG_PRETTY',
    flag: 'log-pretty',
    description: 'If true, logs human-readable lines instead of JSON.',
  },
];

/** Options that exist only in code. */
export const codeOptionRows: readonly OptionRow[] = [
  { path: 'checks.*', type: check, description: 'Check definition such as `mysqlCheck({ url })`, or a function.' },
  {
    path: 'register',
    type: instance,
    values: ['registerMetric', 'removeSingleMetric', 'metrics'],
    description:
      'prom-client registry to which the metrics are added on `start` and from which they are removed on `stop`. Default: a separate registry.',
  },
  {
    path: 'heartbeat.pingData',
    type: json,
    max: 1024,
    defaultText: 'none',
    description: 'Body of the PINGs sent by the server.',
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
    description: 'pino logger, or an object with these methods. Default: no logging.',
  },
  {
    path: 'clock',
    type: instance,
    values: ['now', 'wall', 'after', 'clear'],
    description: 'Time source, for tests. Default: the system clock.',
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
