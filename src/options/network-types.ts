import { type Address, formatAddress, parseAddress, type TcpAddress } from '../net/address.js';
import { isNetwork } from '../net/networks.js';
import { formatPeerAddress, PEER_FORMS, parsePeerAddress } from '../net/peer-address.js';
import { TARGET_FORMS, Targets } from '../net/targets.js';
import { MAX_TOKENS, TOKEN_FORMS, tokenPattern } from '../net/tokens.js';
import { InvalidValue, type ValueType } from './option.js';
import { commaSeparated, invalid, listOf, textOf } from './value-types.js';

/** URL of a dependency. The check kind validates the rest. */
export const url: ValueType = {
  name: 'url',
  allowed: () => 'a URL, SCHEME://[USER:PASSWORD@]HOST[:PORT][/PATH]',
  read(value) {
    const oneHost = withOneHost(textOf(value));
    if (URL.canParse(oneHost) && oneHost.includes('://')) return value;
    throw new InvalidValue();
  },
  typescript: () => 'string',
};

/**
 * Removes the second and further hosts from a URL. A URL with several hosts would not parse. The kind of check
 * validates the removed hosts.
 */
export function withOneHost(url: string): string {
  return url.replace(/,[^/@?#]*(?=[/?#]|$)/, '');
}

/** Address of a responder. */
export const address: ValueType = {
  name: 'address',
  allowed: () => 'pong://HOST:PORT or pongs://HOST:PORT, an IPv6 address in brackets, or pong+unix:/PATH',
  read: (value) => formatAddress(addressOf(textOf(value))),
  typescript: () => 'string',
};

/** Short form of `listen`, in a file and in the environment. */
export const addresses: ValueType = {
  name: 'addresses',
  allowed: (_row, mode) =>
    `a list such as [{ url: "pong://HOST:PORT" }]${mode === 'code' ? '' : ', or addresses separated by commas'}`,
  read: (value, _row, mode) =>
    mode === 'code'
      ? invalid()
      : commaSeparated(textOf(value)).map((each) => ({ url: formatAddress(addressOf(each)) })),
  typescript: () => 'readonly ListenOptions[]',
};

/** Short form of `http`. */
export const endpoint: ValueType = {
  name: 'endpoint',
  allowed: (_row, mode) => (mode === 'code' ? '{ host, port } or false' : 'HOST:PORT, { host, port } or false'),
  read(value, _row, mode) {
    if (value === false || (value === 'false' && mode === 'file')) return false;
    const [, hostAndPort] = (mode === 'file' && /^(?:http:\/\/)?([^/]*:\d+)$/.exec(textOf(value))) || [];
    if (hostAndPort === undefined) throw new InvalidValue();
    const { host, port } = addressOf(hostAndPort) as TcpAddress;
    return { host, port };
  },
  typescript: () => 'HttpOptions | false',
};

/** Maximum number of peer addresses if the option sets no other limit. Each address may resolve to many peers. */
export const MAX_PEER_ADDRESSES = 32;

/** Peer addresses in canonical form. */
export const peerAddresses: ValueType = {
  name: 'peerAddresses',
  allowed: ({ max = MAX_PEER_ADDRESSES }) => `a list of 1 to ${max} addresses: ${PEER_FORMS}`,
  read: (value, { max = MAX_PEER_ADDRESSES }) =>
    listOf(value, max, isPeerAddress).map((text) => formatPeerAddress(parsePeerAddress(text))),
  readText: (value, row) => peerAddresses.read(commaSeparated(value), row, 'file'),
  typescript: () => 'readonly string[]',
};

function isPeerAddress(text: string): boolean {
  try {
    parsePeerAddress(text);
    return true;
  } catch {
    return false;
  }
}

/** `http://` or `https://` URL with the placeholder `{host}` and without credentials. */
export const hostUrlPattern = /^https?:\/\/[^\s@?#]*\{host\}[^\s@]{0,1000}$/;

export const hostUrl: ValueType = {
  name: 'hostUrl',
  allowed: () => 'an http:// or https:// URL with {host} in it, such as http://{host}:7664/',
  read(value) {
    const url = textOf(value);
    return hostUrlPattern.test(url) && URL.canParse(url.replaceAll('{host}', '127.0.0.1')) ? url : invalid();
  },
  typescript: () => 'string',
};

export const tokens: ValueType = {
  name: 'tokens',
  allowed: () => `a list of 1 to ${MAX_TOKENS} strings of ${TOKEN_FORMS}, = at the end`,
  read: (value) => listOf(value, MAX_TOKENS, (token) => tokenPattern.test(token)),
  readText: (value, row) => tokens.read(commaSeparated(value), row, 'file'),
  typescript: () => 'readonly string[]',
};

export const networks: ValueType = {
  name: 'networks',
  allowed: () => 'a list of addresses and networks, such as [10.0.0.0/8, "::1"]',
  read: (value) => listOf(value, Number.POSITIVE_INFINITY, isNetwork),
  readText: (value, row) => networks.read(commaSeparated(value), row, 'file'),
  typescript: () => 'readonly string[]',
};

export const targets: ValueType = {
  name: 'targets',
  allowed: () => `a list of ${TARGET_FORMS}`,
  read: (value) => listOf(value, Number.POSITIVE_INFINITY, isTarget),
  readText: (value, row) => targets.read(commaSeparated(value), row, 'file'),
  typescript: () => 'readonly string[]',
};

function isTarget(text: string): boolean {
  try {
    new Targets([text]);
    return true;
  } catch {
    return false;
  }
}

function addressOf(value: string): Address {
  try {
    return parseAddress(value);
  } catch {
    throw new InvalidValue();
  }
}
