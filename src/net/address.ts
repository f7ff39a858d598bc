import { isIPv4, isIPv6 } from 'node:net';
import { PongcheckError } from '../common/errors.js';

/** The port of a responder where an address names none. */
export const DEFAULT_PORT = 7464;

/** Plain TCP: `pong://HOST:PORT`. */
export interface TcpAddress {
  readonly kind: 'tcp';
  /** A name, an IPv4 address, or an IPv6 address without its brackets. */
  readonly host: string;
  /** 0 .. 65535; only a listener can make something of 0: any free port. */
  readonly port: number;
}

/** TLS: `pongs://HOST:PORT`. */
export interface TlsAddress extends Omit<TcpAddress, 'kind'> {
  readonly kind: 'tls';
}

/** A Unix socket: `pong+unix:/path`. */
export interface UnixAddress {
  readonly kind: 'unix';
  /** Absolute. */
  readonly path: string;
}

/** Where a responder listens or is to be reached; `kind` tells the transports apart. */
export type Address = TcpAddress | TlsAddress | UnixAddress;

const ALLOWED =
  'allowed: pong://HOST:PORT, pongs://HOST:PORT (TLS), HOST:PORT and HOST, with an IPv6 address in brackets ([::1]:7464), and pong+unix:/PATH';
/** What the kernel has room for, with the zero behind it. */
const MAX_PATH = 107;

/**
 * Reads `pong://HOST:PORT`, `pongs://HOST:PORT` (TLS), `HOST:PORT` or `HOST` (then the port is 7464), or `pong+unix:/PATH`.
 * Throws PONGCHECK_ADDRESS, which says what was found and what is allowed.
 */
export function parseAddress(text: string): Address {
  if (typeof text !== 'string') throw refusal(`An address is a text, not ${text === null ? 'null' : typeof text}`);
  const [, path] = /^pong\+unix:(?:\/\/)?(.*)$/is.exec(text) ?? [];
  if (path !== undefined) return unixAddress(text, path);
  const [, scheme, rest = ''] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/is.exec(text) ?? [];
  const refuse = (found: string) => refusal(`The address ${quoted(text)} ${found}`);
  const kind = kinds.get((scheme ?? 'pong').toLowerCase());
  if (kind === undefined) throw refuse('has another scheme than pong:// or pongs://');
  if (rest === '') throw refuse('names no host');
  if (rest.includes('@')) throw refuse('carries credentials, which an address never does');
  if (/[/?#]/.test(rest)) throw refuse('carries a path or a query');

  const [, bracketed, plain = '', port] = /^(?:\[(.*)\]|([^:[\]]*))(?::(.*))?$/s.exec(rest) ?? [];
  if (bracketed !== undefined) {
    if (!isIPv6(bracketed)) throw refuse('has in its brackets what is no IPv6 address');
  } else if (looksLikeIPv6(rest) && isIPv6(rest)) {
    throw refuse('is an IPv6 address without brackets');
  } else if (!isHost(plain)) {
    throw refuse('has no valid host');
  }
  if (port !== undefined && !isPort(port)) throw refuse('has a port that is not a number from 0 to 65535');
  return { kind, host: bracketed ?? plain, port: port === undefined ? DEFAULT_PORT : Number(port) };
}

const kinds: ReadonlyMap<string, 'tcp' | 'tls'> = new Map([
  ['pong', 'tcp'],
  ['pongs', 'tls'],
]);

function unixAddress(text: string, path: string): UnixAddress {
  const refuse = (found: string) => refusal(`The address ${quoted(text)} ${found}`);
  if (!path.startsWith('/')) throw refuse('has a path that is not absolute');
  if (path.includes('\0')) throw refuse('has a path with a zero octet');
  if (Buffer.byteLength(path) > MAX_PATH) throw refuse(`has a path of more than ${MAX_PATH} octets`);
  return { kind: 'unix', path };
}

/** The canonical text, such as `pong://[::1]:7464` or `pong+unix:/run/pong.sock`; `parseAddress` reads it back. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `pong+unix:${address.path}`;
  return `${address.kind === 'tls' ? 'pongs' : 'pong'}://${hostAndPort(address)}`;
}

/** The short form for sentences: `127.0.0.1:7464`, `[::1]:7464`, `/run/pong.sock`. */
export function hostAndPort(address: Address): string {
  if (address.kind === 'unix') return address.path;
  const { host, port } = address;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** What `node:net` is told of an address, to connect to it or to listen there. */
export function endpointOf(address: Address): { path: string } | { host: string; port: number } {
  return address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
}

/** Spares a probe the regular expression of IPv6, which Node makes when it is first used and which takes it 4 ms. */
const looksLikeIPv6 = (text: string): boolean => /:.*:/s.test(text);

/** A name of RFC 1123 (underscores tolerated, as resolvers do) or an IPv4 address in full; never `127.1`. */
function isHost(host: string): boolean {
  if (host.length > 253 || !/^(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?$/i.test(host)) return false;
  return isIPv4(host) || !/(?:^|\.)\d+\.?$/.test(host);
}

function isPort(port: string): boolean {
  return /^\d{1,5}$/.test(port) && Number(port) <= 65_535;
}

/** The text as it may be shown: without anything that could be a secret, escaped and cut. */
function quoted(text: string): string {
  const open = text.replace(/^([a-z0-9+.-]*:\/\/)?.*@/is, '$1...@').replace(/[?#].*$/s, '?...');
  return JSON.stringify(open.length > 100 ? `${open.slice(0, 100)}...` : open);
}

function refusal(found: string): PongcheckError {
  return new PongcheckError('PONGCHECK_ADDRESS', `${found}; ${ALLOWED}.`);
}
