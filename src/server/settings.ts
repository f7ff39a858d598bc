import { PongcheckError } from '../errors.js';
import type { DetailMode } from '../link/detail.js';

/** What a server holds by itself (SPEC "Limits"). Times in milliseconds, sizes in octets. */
export interface Limits {
  /** A started frame or line must be complete after this, counted from its first octet. Default 5,000. */
  frameTimeout: number;
  /** A PROXY header and a TLS handshake must each be complete after this, and a token shown where one is required. Default 5,000. */
  handshakeTimeout: number;
  /** TLS handshakes and PROXY headers at once, over all listeners. Default 1,000. */
  maxHandshakes: number;
  /** PINGs of one connection that may wait for an answer. Default 1,024. */
  maxPending: number;
  /** Output that may wait for a peer before its reading pauses; at least 65,536. Default 262,144. */
  maxQueuedBytes: number;
  /** A peer that takes none of the waiting output for this long is dropped. Default 10,000. */
  stallTimeout: number;
  /** Frames and lines a second from one connection; 0 = unlimited. Default 10,000. */
  pingsPerSecond: number;
  /** WATCHes of one connection; 0 = none are offered. Default 64. */
  maxWatches: number;
  /** Different `checks` lists of WATCHes at once, over all connections; scopes and groups do not count. Default 256. */
  maxWatchedSelections: number;
  /** Connections at once, over all listeners; a service takes fewer where the process may not open as many files. Default 10,000. */
  maxConnections: number;
  /** Connections at once from one IPv4 address or IPv6 network; Unix sockets do not count. 0 = unlimited. Default 0. */
  maxConnectionsPerAddress: number;
  /** Prefix length, 1 to 128, of the IPv6 networks that `maxConnectionsPerAddress` counts. Default 64. */
  ipv6Prefix: number;
}

/** PONGCHECK_CONFIG: `what` asks for a token, and there is none. */
export function noTokens(what: string): PongcheckError {
  return new PongcheckError('PONGCHECK_CONFIG', `${what}, and tokens is empty, so nobody could show one`);
}

/** PONGCHECK_CONFIG: an address of TLS without a certificate, or one without TLS with one. */
export function wrongTls(address: string): PongcheckError {
  const tls = address.startsWith('pongs://');
  const message = tls ? 'has no tls.cert and tls.key' : 'has tls, which is for pongs:// addresses';
  return new PongcheckError('PONGCHECK_CONFIG', `${address} ${message}`);
}

export interface ServerSettings {
  ping: {
    /** Deadline of a PING that names none. Default 2,000. */
    timeout: number;
    /** Longest deadline a PING may ask for. Default 10,000. */
    maxTimeout: number;
  };
  heartbeat: {
    /** Silence after which a connection is closed; 0 = never. Default 90,000. */
    idleTimeout: number;
    /** How often the server PINGs a client that asked for it in HELLO; 0 = never. Default 0. */
    pingInterval: number;
    /** Unanswered PINGs with which such a client is dead when the next is due; 0 = never. Default 3. */
    maxPingsOut: number;
    /** What those PINGs carry: an object of the application's own, at most 1 KiB as JSON. Default: nothing. */
    pingData?: object;
  };
  limits: Limits;
  /** Who may see more than a status. Default `loopback`. */
  detail: DetailMode;
  /** Each of them shows the right that `detail: token` and `requireToken` of a listener ask for. Default: none. */
  tokens?: readonly string[];
}

export const defaultServerSettings: ServerSettings = {
  ping: { timeout: 2000, maxTimeout: 10_000 },
  heartbeat: { idleTimeout: 90_000, pingInterval: 0, maxPingsOut: 3 },
  limits: {
    frameTimeout: 5000,
    handshakeTimeout: 5000,
    maxHandshakes: 1000,
    maxPending: 1024,
    maxQueuedBytes: 262_144,
    stallTimeout: 10_000,
    pingsPerSecond: 10_000,
    maxWatches: 64,
    maxWatchedSelections: 256,
    maxConnections: 10_000,
    maxConnectionsPerAddress: 0,
    ipv6Prefix: 64,
  },
  detail: 'loopback',
};
