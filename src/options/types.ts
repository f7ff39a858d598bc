// Generated from table.ts by `UPDATE=1 npm test -- test/options`; do not edit.

/** The options of `createService`, which match those of the configuration file. Times are in milliseconds, sizes in bytes. */
export interface Options {
  /** Addresses to listen on for PINGs. In the environment variable, separate addresses with commas. Default: pong://127.0.0.1:7464. */
  readonly listen?: readonly {
    /** Listener address. In a container, use pong://0.0.0.0:7464. Port 0 selects any free port. */
    readonly url: string;
    /** Time without data after which connections to this listener are closed; 0 = never. Milliseconds, a whole number from 0 to 86400000. Default: heartbeat.idleTimeout. */
    readonly idleTimeout?: number;
    /** File mode of the Unix socket (pong+unix:/PATH), as in chmod. Only clients with write permission can connect. Default: from the umask. */
    readonly mode?: number;
    /** If true, a connection is closed (ERROR 6) unless the client first sends a HELLO with a valid token. Disables line mode. Default: false. */
    readonly requireToken?: boolean;
    readonly tls?: {
      /** Certificate chain file (PEM), for pongs://HOST:PORT. Re-read every minute and on SIGHUP. */
      readonly cert: string;
      /** Private key file (PEM) for the certificate, without a passphrase. */
      readonly key: string;
      /** CA file (PEM). Clients without a certificate from these CAs are rejected (ERROR 6). Default: none. */
      readonly ca?: string;
      /** Minimum TLS version. Default: TLSv1.2. */
      readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
    };
    readonly proxyProtocol?: {
      /** Addresses of the proxies that send a PROXY protocol v2 header with the client address. Do not list clients: a listed address can claim any client address. */
      readonly from: readonly string[];
    };
    readonly keepAlive?: {
      /** Idle time before the first TCP keep-alive probe, in whole seconds. Setting listen[].keepAlive enables TCP keep-alive. Milliseconds, a whole number from 1000 to 86400000. Default: 30000. */
      readonly idle?: number;
      /** Time between TCP keep-alive probes, in whole seconds. Milliseconds, a whole number from 1000 to 86400000. Default: 10000. */
      readonly interval?: number;
      /** Number of unanswered TCP keep-alive probes after which the kernel closes the connection. A whole number from 1 to 127. Default: 3. */
      readonly count?: number;
      /** Maximum time that sent data may remain unacknowledged. On Linux, it overrides count. 0 = system default. Milliseconds, a whole number from 0 to 86400000. Default: idle + interval x count. */
      readonly userTimeout?: number;
    };
  }[];
  /** Address of the HTTP server, which serves the status page, /health, /livez, /readyz, /startupz and /metrics; false disables it. Default: 127.0.0.1:7664. */
  readonly http?: {
    /** Host or IP address that the HTTP server binds to. Default: 127.0.0.1. */
    readonly host?: string;
    /** Port of the HTTP server; 0 selects any free port. A whole number from 0 to 65535. Default: 7664. */
    readonly port?: number;
    /** Maximum number of HTTP connections. At the limit, a new connection replaces one that has sent no request, or else an idle one. If all connections are busy, the new connection is refused. A whole number from 1 to 1000000. Default: 1000. */
    readonly maxConnections?: number;
    /** Maximum number of HTTP connections from one IPv4 address or IPv6 network (limits.ipv6Prefix); 0 = unlimited. A whole number from 0 to 1000000. Default: 0. */
    readonly maxConnectionsPerAddress?: number;
    readonly tls?: {
      /** Certificate chain file (PEM), for https://. Re-read every minute and on SIGHUP. */
      readonly cert: string;
      /** Private key file (PEM) for the certificate, without a passphrase. */
      readonly key: string;
      /** CA file (PEM). Clients without a certificate from these CAs are rejected in the TLS handshake. Default: none. */
      readonly ca?: string;
      /** Minimum TLS version. Default: TLSv1.2. */
      readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
    };
  } | false;
  /** Address of the gRPC server, which serves the standard health service, grpc.health.v1; false disables it. Requires the package @grpc/grpc-js. Default: false. */
  readonly grpc?: {
    /** Host or IP address that the gRPC server binds to. Default: 127.0.0.1. */
    readonly host?: string;
    /** Port of the gRPC server; 0 selects any free port. A whole number from 0 to 65535. Default: 7864. */
    readonly port?: number;
    /** Maximum number of gRPC connections. Further connections are closed on accept. A whole number from 1 to 1000000. Default: 1000. */
    readonly maxConnections?: number;
    /** Maximum number of gRPC connections from one IPv4 address or IPv6 network (limits.ipv6Prefix); 0 = unlimited. A whole number from 0 to 1000000. Default: 0. */
    readonly maxConnectionsPerAddress?: number;
    readonly tls?: {
      /** Certificate chain file (PEM), for gRPC over TLS. Re-read every minute and on SIGHUP. */
      readonly cert: string;
      /** Private key file (PEM) for the certificate, without a passphrase. */
      readonly key: string;
      /** CA file (PEM). Clients without a certificate from these CAs are rejected in the TLS handshake. Default: none. */
      readonly ca?: string;
      /** Minimum TLS version. Default: TLSv1.2. */
      readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
    };
  } | false;
  readonly probe?: {
    /** Targets that GET /probe may probe: NAME:PORT, *.SUFFIX:PORT, ADDRESS:PORT or NETWORK/BITS:PORT, with * for any port. */
    readonly targets: readonly string[];
    /** Maximum number of concurrent probes; further probes are refused with status 503. A whole number from 1 to 100000. Default: 500. */
    readonly maxConcurrent?: number;
    readonly modules?: Readonly<Record<string, {
      /** Probe type: pongcheck sends a PING, line sends ping in line mode, http requests a health endpoint, tcp only connects. By default, there is one module for each type, with the same name. */
      readonly prober: 'pongcheck' | 'line' | 'http' | 'tcp';
      /** Probe timeout. If the Prometheus scrape timeout minus 0.5s is shorter, that time applies instead. Milliseconds, a whole number from 1 to 3600000. Default: 5s. */
      readonly timeout?: number;
      /** pongcheck prober only: scope to query. Default: readiness. */
      readonly scope?: 'readiness' | 'liveness' | 'startup';
      /** pongcheck prober only: group to query. Cannot be combined with checks. Default: none. */
      readonly group?: string;
      /** pongcheck prober only: names of the checks to query. Cannot be combined with group. Default: all checks of the group. */
      readonly checks?: readonly string[];
      /** http prober only: request path and query. Default: /health. */
      readonly path?: string;
      /** Token to send: in HELLO (pongcheck prober), or as Authorization: Bearer (http prober). Default: none. */
      readonly token?: string;
      readonly tls?: {
        /** Name that the target certificate must match. Default: the target host. */
        readonly servername?: string;
        /** As in the `tls` option of a client. Default: none. */
        readonly ca?: string | Buffer;
        /** As in the `tls` option of a client. Default: none. */
        readonly cert?: string | Buffer;
        /** As in the `tls` option of a client. Default: none. */
        readonly key?: string | Buffer;
        /** If false, accepts any certificate. Default: true. */
        readonly rejectUnauthorized?: boolean;
      };
    }>>;
  };
  readonly peers?: {
    /** Addresses of the other instances of this service. These instances are queried about failing checks that have onShared: warn. A host name is resolved to all its A and AAAA records, srv+pong://NAME to its SRV records. The list may include this instance. */
    readonly from: readonly string[];
    /** Maximum number of peers to query about a failing check. A whole number from 1 to 16. Default: 11. */
    readonly ask?: number;
    /** Time limit for the answers of all queried peers together. Milliseconds, a whole number from 10 to 10000. Default: 300. */
    readonly timeout?: number;
    /** Token to send in HELLO, if the peers require one. Default: none. */
    readonly token?: string;
    readonly tls?: {
      /** CA file (PEM) for verifying the peers. Default: the Node.js root CAs. */
      readonly ca?: string;
      /** Client certificate file (PEM). Default: none. */
      readonly cert?: string;
      /** Private key file (PEM) for the client certificate. Default: none. */
      readonly key?: string;
      /** Name that the certificates of the peers must match. Default: the host in the address. */
      readonly servername?: string;
      /** If false, accepts any certificate, which allows anyone to impersonate the peers. Default: true. */
      readonly verify?: boolean;
    };
  };
  readonly fleet?: {
    /** Addresses of the responders on the fleet page, GET /fleet; at most 500. A host name is resolved to all its A and AAAA records, srv+pong://NAME to its SRV records. */
    readonly from: readonly string[];
    /** Token to send in HELLO, if the responders require one. Default: none. */
    readonly token?: string;
    readonly tls?: {
      /** CA file (PEM) for verifying the responders. Default: the Node.js root CAs. */
      readonly ca?: string;
      /** Client certificate file (PEM). Default: none. */
      readonly cert?: string;
      /** Private key file (PEM) for the client certificate. Default: none. */
      readonly key?: string;
      /** Name that the certificates of the responders must match. Default: the host in the address. */
      readonly servername?: string;
      /** If false, accepts any certificate, which allows anyone to impersonate the responders. Default: true. */
      readonly verify?: boolean;
    };
    /** URL template for the status page of each responder, used for the links on the fleet page. {host} is replaced with the host of the responder, without the port, as in http://{host}:7664/. Default: no links. */
    readonly statusUrl?: string;
  };
  readonly ping?: {
    /** Deadline for PINGs that do not set one. At the deadline, the last known status is returned, marked as stale. Milliseconds, a whole number from 0 to 3600000. Default: 2000. */
    readonly timeout?: number;
    /** Maximum deadline that a PING may set; longer deadlines are reduced to it. Milliseconds, a whole number from 1 to 3600000. Default: 10000. */
    readonly maxTimeout?: number;
    /** Maximum age of a stale result; older results count as unknown. Milliseconds, a whole number from 0 to 86400000. Default: 30000. */
    readonly staleLimit?: number;
  };
  readonly startup?: {
    /** Maximum time for which the startup scope reports starting. After that time, it reports the status of its checks, such as fail, until startup has passed. Milliseconds, a whole number from 0 to 86400000. Default: unlimited. */
    readonly grace?: number;
  };
  readonly history?: {
    /** File that keeps the history of checks and groups across restarts, at most 8 MiB. Only one process can use the file at a time. Default: none. */
    readonly file?: string;
  };
  /** Number of threads that answer PINGs, so that a blocked main event loop does not delay answers; 0 = the main thread answers them. With several threads, each port is shared (SO_REUSEPORT), which requires Node.js >= 22.12 or >= 23.1. A whole number from 0 to 16. Default: 0. */
  readonly threads?: number;
  readonly loop?: {
    /** Time that the main event loop may be blocked before readiness fails with the reason loop-blocked; 0 = unlimited. Requires threads. Milliseconds, a whole number from 0 to 3600000. Default: 2000. */
    readonly readinessStall?: number;
    /** Time that the main event loop may be blocked before liveness fails too; 0 = unlimited. Any other value must be at least loop.readinessStall. Requires threads. Milliseconds, a whole number from 0 to 3600000. Default: 10000. */
    readonly livenessStall?: number;
  };
  readonly heartbeat?: {
    /** Time without data after which a connection is closed (ERROR 9); 0 = never. Milliseconds, a whole number from 0 to 86400000. Default: 90000. */
    readonly idleTimeout?: number;
    /** Interval between PINGs to clients that requested them in HELLO; 0 = never. Milliseconds, a whole number from 0 to 86400000. Default: 0. */
    readonly pingInterval?: number;
    /** Maximum number of unanswered PINGs to a client. If that many are unanswered when the next PING is due, the client is considered dead (ERROR 13); 0 = unlimited. A whole number from 0 to 1000. Default: 3. */
    readonly maxPingsOut?: number;
    /** Body of the PINGs sent by the server. Default: none. */
    readonly pingData?: object;
  };
  readonly limits?: {
    /** Time limit for receiving a complete frame or line, from its first byte. Milliseconds, a whole number from 1 to 3600000. Default: 5000. */
    readonly frameTimeout?: number;
    /** Time limit for the PROXY header, for the TLS handshake, and for the required token, each measured separately. Milliseconds, a whole number from 1 to 60000. Default: 5000. */
    readonly handshakeTimeout?: number;
    /** Maximum number of concurrent TLS handshakes and pending PROXY headers, over all listeners. Further connections are closed on accept. A whole number from 1 to 1000000. Default: 1000. */
    readonly maxHandshakes?: number;
    /** Maximum number of unanswered PINGs per connection. At the limit, reading from the connection is paused. A whole number from 1 to 1000000. Default: 1024. */
    readonly maxPending?: number;
    /** Maximum size of the send queue per connection. At the limit, reading from the connection is paused. Bytes, a whole number from 65536 to 1073741824. Default: 262144. */
    readonly maxQueuedBytes?: number;
    /** Time after which a connection is closed if its peer reads none of the queued output (ERROR 10). Milliseconds, a whole number from 1 to 3600000. Default: 10000. */
    readonly stallTimeout?: number;
    /** Maximum number of frames and lines per second per connection (ERROR 8); 0 = unlimited. A whole number from 0 to 1000000000. Default: 10000. */
    readonly pingsPerSecond?: number;
    /** Maximum number of watches per connection (ERROR 7); 0 = WATCH is disabled. A whole number from 0 to 10000. Default: 64. */
    readonly maxWatches?: number;
    /** Maximum number of distinct check lists that are watched at a time, over all connections (ERROR 7); 0 = none. Watches of scopes and groups do not count. A whole number from 0 to 10000. Default: 256. */
    readonly maxWatchedSelections?: number;
    /** Maximum number of connections, over all listeners. Further connections are closed on accept. Lowered if the open file limit of the process is too small. A whole number from 1 to 1000000. Default: 10000. */
    readonly maxConnections?: number;
    /** Maximum number of connections from one IPv4 address or IPv6 network (limits.ipv6Prefix); 0 = unlimited. Unix sockets do not count. A whole number from 0 to 1000000. Default: 0. */
    readonly maxConnectionsPerAddress?: number;
    /** Prefix length, in bits, of the IPv6 networks that maxConnectionsPerAddress counts as one address. A whole number from 1 to 128. Default: 64. */
    readonly ipv6Prefix?: number;
  };
  readonly drain?: {
    /** Maximum time from SIGTERM until the listeners close. During this time, readiness is draining. Milliseconds, a whole number from 0 to 3600000. Default: 10000. */
    readonly grace?: number;
    /** Minimum drain time, even without connections. Must not exceed drain.grace. Milliseconds, a whole number from 0 to 3600000. Default: 5s, or drain.grace if shorter. */
    readonly delay?: number;
  };
  /** Which clients receive check names and reasons. Behind a proxy on the same host, every client appears to be on loopback. Default: loopback. */
  readonly detail?: 'loopback' | 'always' | 'token' | 'never';
  /** Accepted tokens, sent in HELLO or as Authorization: Bearer. List several to rotate them. Default: none. */
  readonly tokens?: readonly string[];
  /** Service ID in reports. Default: not set. */
  readonly serviceId?: string;
  /** Release ID in reports. Default: not set. */
  readonly releaseId?: string;
}
