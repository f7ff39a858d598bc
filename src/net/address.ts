import { isIPv4, isIPv6 } from 'node:net';
import { PongcheckError } from '../common/errors.js';

/** Default port. */
export const DEFAULT_PORT = 7464;

/** Plain TCP: `pong://HOST:PORT`. */
export interface TcpAddress {
  readonly kind: 'tcp';
  /** Host name, IPv4 address, or IPv6 address without brackets. */
  readonly host: string;
  /** 0 to 65535. Only listeners accept 0, which selects any free port. */
  readonly port: number;
}

/** TLS: `pongs://HOST:PORT`. */
export interface TlsAddress extends Omit<TcpAddress, 'kind'> {
  readonly kind: 'tls';
}

/** A Unix socket: `pong+unix:/path`. */
export interface UnixAddress {
  readonly kind: 'unix';
  /** Absolute path. */
  readonly path: string;
}

/** Address of a responder, to listen on or to connect to; `kind` is the transport. */
export type Address = TcpAddress | TlsAddress | UnixAddress;

const ALLOWED =
  'allowed: pong://HOST:PORT, pongs://HOST:PORT (TLS), HOST:PORT and HOST, with an IPv6 address in brackets ([::1]:7464), and pong+unix:/PATH';
/** Kernel limit for a Unix socket path, without the terminating null byte. */
const MAX_PATH_BYTES = 107;

/**
 * Parses `pong://HOST:PORT`, `pongs://HOST:PORT` (TLS), `HOST:PORT`, `HOST` (port 7464) or `pong+unix:/PATH`.
 * @throws PongcheckError `PONGCHECK_ADDRESS` with what is wrong and what is allowed.
 */
export function parseAddress(text: string): Address {
  if (typeof text !== 'string')
    throw addressError(`An address must be a string, not ${text === null ? 'null' : typeof text}`);
  const [, path] = /^pong\+unix:(?:\/\/)?(.*)$/is.exec(text) ?? [];
  if (path !== undefined) return unixAddress(text, path);
  const [, scheme, rest = ''] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/is.exec(text) ?? [];
  const invalid = (problem: string) => addressError(`The address ${quoted(text)} ${problem}`);
  const kind = kinds.get((scheme ?? 'pong').toLowerCase());
  if (kind === undefined) throw invalid('has an unknown scheme');
  if (rest === '') throw invalid('has no host');
  if (rest.includes('@')) throw invalid('contains credentials, which are not allowed');
  if (/[/?#]/.test(rest)) throw invalid('contains a path or a query');

  const [, bracketed, plain = '', port] = /^(?:\[(.*)\]|([^:[\]]*))(?::(.*))?$/s.exec(rest) ?? [];
  if (bracketed !== undefined) {
    if (!isIPv6(bracketed)) throw invalid('has no valid IPv6 address in its brackets');
  } else if (looksLikeIPv6(rest) && isIPv6(rest)) {
    throw invalid('is an IPv6 address without brackets');
  } else if (!isHost(plain)) {
    throw invalid('has no valid host');
  }
  if (port !== undefined && !isPort(port)) throw invalid('has a port that is not a number from 0 to 65535');
  return { kind, host: bracketed ?? plain, port: port === undefined ? DEFAULT_PORT : Number(port) };
}

const kinds: ReadonlyMap<string, 'tcp' | 'tls'> = new Map([
  ['pong', 'tcp'],
  ['pongs', 'tls'],
]);

function unixAddress(text: string, path: string): UnixAddress {
  const invalid = (problem: string) => addressError(`The address ${quoted(text)} ${problem}`);
  if (!path.startsWith('/')) throw invalid('has a path that is not absolute');
  if (path.includes('\0')) throw invalid('has a path with a zero byte');
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw invalid(`has a path of more than ${MAX_PATH_BYTES} bytes`);
  return { kind: 'unix', path };
}

/** Returns the canonical form, such as `pong://[::1]:7464` or `pong+unix:/run/pong.sock`. `parseAddress` accepts it. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `pong+unix:${address.path}`;
  return `${address.kind === 'tls' ? 'pongs' : 'pong'}://${hostAndPort(address)}`;
}

/** Returns the short form for messages: `127.0.0.1:7464`, `[::1]:7464`, `/run/pong.sock`. */
export function hostAndPort(address: Address): string {
  if (address.kind === 'unix') return address.path;
  const { host, port } = address;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Options for `node:net` to connect to an address or to listen on it. */
export function endpointOf(address: Address): { path: string } | { host: string; port: number } {
  return address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
}

/**
 * Avoids calling Node's `isIPv6` for other hosts: its first call compiles a regular expression, which costs a probe 4
 * ms.
 */
const looksLikeIPv6 = (text: string): boolean => /:.*:/s.test(text);

/**
 * Whether the text is a host name as in RFC 1123 (with underscores, which resolvers accept) or a full IPv4 address, not
 * `127.1`.
 */
function isHost(host: string): boolean {
  if (host.length > 253 || !/^(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?$/i.test(host)) return false;
  return isIPv4(host) || !/(?:^|\.)\d+\.?$/.test(host);
}

function isPort(port: string): boolean {
  return /^\d{1,5}$/.test(port) && Number(port) <= 65_535;
}

/** Prepares a text for a message: removes possible credentials, escapes and shortens it. */
function quoted(text: string): string {
  const redacted = text.replace(/^([a-z0-9+.-]*:\/\/)?.*@/is, '$1...@').replace(/[?#].*$/s, '?...');
  return JSON.stringify(redacted.length > 100 ? `${redacted.slice(0, 100)}...` : redacted);
}

function addressError(problem: string): PongcheckError {
  return new PongcheckError('PONGCHECK_ADDRESS', `${problem}; ${ALLOWED}.`);
}
