// Generated from table.ts by `UPDATE=1 npm test -- test/options`; do not edit.

/** The options of `createService` and of a configuration file, as code gives them. Times in milliseconds, sizes in bytes. */
export interface Options {
  /** Where PINGs are answered; several are separated by commas in the environment. Default: pong://127.0.0.1:7464. */
  readonly listen?: readonly {
    /** One listener; a container sets pong://0.0.0.0:7464, port 0 takes any free port. */
    readonly url: string;
    /** A silent connection of this listener is closed after this; 0 = never. Milliseconds, a whole number from 0 to 86400000. Default: heartbeat.idleTimeout. */
    readonly idleTimeout?: number;
    /** Who may connect to a Unix socket (pong+unix:/PATH), as chmod takes it. Default: what the umask leaves. */
    readonly mode?: number;
    /** Answers nothing before a HELLO has shown one of the tokens (ERROR 6); there is no line mode then. Default: false. */
    readonly requireToken?: boolean;
    readonly tls?: {
      /** For pongs://HOST:PORT: a PEM file with the certificate and its chain; read anew at SIGHUP and every minute. */
      readonly cert: string;
      /** A PEM file with the key of that certificate, without a passphrase. */
      readonly key: string;
      /** A PEM file with authorities: who shows no certificate that they signed is not answered (ERROR 6). Default: none. */
      readonly ca?: string;
      /** The least version of TLS that is spoken. Default: TLSv1.2. */
      readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
    };
    readonly proxyProtocol?: {
      /** Proxies whose connections begin with a PROXY header of version 2, so that address limits and loopback mean the client; never the clients themselves. */
      readonly from: readonly string[];
    };
    readonly keepAlive?: {
      /** TCP keep-alive, on where listen[].keepAlive is given: silence before the first probe; whole seconds. Milliseconds, a whole number from 1000 to 86400000. Default: 30000. */
      readonly idle?: number;
      /** Between two probes; whole seconds. Milliseconds, a whole number from 1000 to 86400000. Default: 10000. */
      readonly interval?: number;
      /** Unanswered probes with which the kernel breaks the connection off. A whole number from 1 to 127. Default: 3. */
      readonly count?: number;
      /** How long sent octets may stay unacknowledged; with one, Linux ignores count; 0 = as long as it likes. Milliseconds, a whole number from 0 to 86400000. Default: idle + interval x count. */
      readonly userTimeout?: number;
    };
  }[];
  /** Where the status page, /health, /livez, /readyz, /startupz and /metrics are served; false turns them off. Default: 127.0.0.1:7664. */
  readonly http?: {
    /** The address that HTTP binds to. Default: 127.0.0.1. */
    readonly host?: string;
    /** The port of HTTP; 0 takes any free one. A whole number from 0 to 65535. Default: 7664. */
    readonly port?: number;
    /** HTTP connections at once. Beyond it those are closed that have sent no request, then idle ones; if there are none, the new one. A whole number from 1 to 1000000. Default: 1000. */
    readonly maxConnections?: number;
    /** HTTP connections at once from one IPv4 address or IPv6 network (limits.ipv6Prefix); 0 = unlimited. A whole number from 0 to 1000000. Default: 0. */
    readonly maxConnectionsPerAddress?: number;
    readonly tls?: {
      /** For https://: a PEM file with the certificate and its chain; read anew at SIGHUP and every minute. */
      readonly cert: string;
      /** A PEM file with the key of that certificate, without a passphrase. */
      readonly key: string;
      /** A PEM file with authorities: the handshake of who shows no certificate that they signed is refused. Default: none. */
      readonly ca?: string;
      /** The least version of TLS that is spoken. Default: TLSv1.2. */
      readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
    };
  } | false;
  readonly probe?: {
    /** What GET /probe may ask for Prometheus: NAME:PORT, *.SUFFIX:PORT, ADDRESS:PORT, NETWORK/BITS:PORT; * is any port. */
    readonly targets: readonly string[];
    /** Probes at once; more are refused with 503. A whole number from 1 to 100000. Default: 500. */
    readonly maxConcurrent?: number;
    readonly modules?: Readonly<Record<string, {
      /** pongcheck sends a PING, line sends ping in line mode, http gets a health endpoint, tcp connects. Without modules there is one of each, by these names. */
      readonly prober: 'pongcheck' | 'line' | 'http' | 'tcp';
      /** How long a probe may take; the scrape timeout of Prometheus less 0.5s where that is shorter. Milliseconds, a whole number from 1 to 3600000. Default: 5s. */
      readonly timeout?: number;
      /** Of pongcheck: what is asked for. Default: readiness. */
      readonly scope?: 'readiness' | 'liveness' | 'startup';
      /** Of pongcheck: the group that is asked for. Default: none. */
      readonly group?: string;
      /** Of pongcheck: the checks that are asked for. Default: all of the group. */
      readonly checks?: readonly string[];
      /** Of http: the path, and query. Default: /health. */
      readonly path?: string;
      /** Of pongcheck, shown in HELLO; of http, as Authorization: Bearer. Default: none. */
      readonly token?: string;
      readonly tls?: {
        /** The name that the certificate of the target must have. Default: the host of the target. */
        readonly servername?: string;
        /** As `tls` of a client has it. Default: none. */
        readonly ca?: string | Buffer;
        /** As `tls` of a client has it. Default: none. */
        readonly cert?: string | Buffer;
        /** As `tls` of a client has it. Default: none. */
        readonly key?: string | Buffer;
        /** false accepts any certificate. Default: true. */
        readonly rejectUnauthorized?: boolean;
      };
    }>>;
  };
  readonly ping?: {
    /** Deadline of a PING that names none; then the last known status is told as stale. Milliseconds, a whole number from 0 to 3600000. Default: 2000. */
    readonly timeout?: number;
    /** The longest deadline that a PING may ask for; longer ones are shortened to it. Milliseconds, a whole number from 1 to 3600000. Default: 10000. */
    readonly maxTimeout?: number;
    /** A stale result that is older than this counts as unknown. Milliseconds, a whole number from 0 to 86400000. Default: 30000. */
    readonly staleLimit?: number;
  };
  readonly startup?: {
    /** How long startup says starting while it has not passed; then it says what its checks say, such as fail. Milliseconds, a whole number from 0 to 86400000. Default: as long as it takes. */
    readonly grace?: number;
  };
  readonly heartbeat?: {
    /** A connection that is silent for this long is closed (ERROR 9); 0 = never. Milliseconds, a whole number from 0 to 86400000. Default: 90000. */
    readonly idleTimeout?: number;
    /** How often the server PINGs a client that asked for it in HELLO; 0 = never. Milliseconds, a whole number from 0 to 86400000. Default: 0. */
    readonly pingInterval?: number;
    /** Unanswered PINGs with which such a client is dead when the next is due (ERROR 13); 0 = never. A whole number from 0 to 1000. Default: 3. */
    readonly maxPingsOut?: number;
    /** The body of PINGs that the server sends. Default: none. */
    readonly pingData?: object;
  };
  readonly limits?: {
    /** A frame or line that was begun must be complete within this. Milliseconds, a whole number from 1 to 3600000. Default: 5000. */
    readonly frameTimeout?: number;
    /** A PROXY header and a TLS handshake must each be complete within this, and a token shown where one is required. Milliseconds, a whole number from 1 to 60000. Default: 5000. */
    readonly handshakeTimeout?: number;
    /** TLS handshakes and PROXY headers at once, over all listeners; more are closed at accept. A whole number from 1 to 1000000. Default: 1000. */
    readonly maxHandshakes?: number;
    /** PINGs of one connection that may wait for an answer before its reading pauses. A whole number from 1 to 1000000. Default: 1024. */
    readonly maxPending?: number;
    /** Output that may wait for one peer before its reading pauses. Bytes, a whole number from 65536 to 1073741824. Default: 262144. */
    readonly maxQueuedBytes?: number;
    /** A peer that takes none of its waiting output for this long is dropped (ERROR 10). Milliseconds, a whole number from 1 to 3600000. Default: 10000. */
    readonly stallTimeout?: number;
    /** Frames and lines a second from one connection (ERROR 8); 0 = unlimited. A whole number from 0 to 1000000000. Default: 10000. */
    readonly pingsPerSecond?: number;
    /** WATCHes of one connection (ERROR 7); 0 = none are offered. A whole number from 0 to 10000. Default: 64. */
    readonly maxWatches?: number;
    /** Different checks lists of WATCHes at once, over all connections (ERROR 7); 0 = none. Scopes and groups do not count. A whole number from 0 to 10000. Default: 256. */
    readonly maxWatchedSelections?: number;
    /** Connections at once, over all listeners; more are closed at accept. Fewer where the process may not open as many files. A whole number from 1 to 1000000. Default: 10000. */
    readonly maxConnections?: number;
    /** Connections at once from one IPv4 address or IPv6 network (limits.ipv6Prefix); 0 = unlimited. Unix sockets do not count. A whole number from 0 to 1000000. Default: 0. */
    readonly maxConnectionsPerAddress?: number;
    /** Prefix length of the IPv6 networks that maxConnectionsPerAddress counts. A whole number from 1 to 128. Default: 64. */
    readonly ipv6Prefix?: number;
  };
  readonly drain?: {
    /** From SIGTERM until the listeners close; meanwhile readiness answers draining. Milliseconds, a whole number from 0 to 3600000. Default: 10000. */
    readonly grace?: number;
    /** The least of that grace, even when no connection is left; at most drain.grace. Milliseconds, a whole number from 0 to 3600000. Default: 5s, or drain.grace where that is less. */
    readonly delay?: number;
  };
  /** Who may see more than a status; behind a local proxy everyone is loopback. Default: loopback. */
  readonly detail?: 'loopback' | 'always' | 'token' | 'never';
  /** Texts that each show a right, in HELLO or as Authorization: Bearer; several, so that they can be changed one by one. Default: none. */
  readonly tokens?: readonly string[];
  /** The serviceId of the report. Default: left out. */
  readonly serviceId?: string;
  /** The releaseId of the report. Default: left out. */
  readonly releaseId?: string;
}
