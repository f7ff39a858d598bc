import { isIPv4 } from 'node:net';
import { PongcheckError } from '../common/errors.js';
import { formatAddress, parseAddress, type TcpAddress, type TlsAddress } from './address.js';

/** A name whose SRV records list the targets and ports: `srv+pong://NAME`, or `srv+pongs://NAME` for TLS. */
export interface SrvAddress {
  readonly kind: 'srv';
  /** For example `_pong._tcp.shop.example`. */
  readonly name: string;
  readonly transport: 'tcp' | 'tls';
}

/** Address of one or more peers. A host name represents all of its A and AAAA records. */
export type PeerAddress = TcpAddress | TlsAddress | SrvAddress;

export const PEER_FORMS =
  'pong://HOST:PORT, pongs://HOST:PORT (TLS), HOST:PORT, HOST, srv+pong://NAME or srv+pongs://NAME';

/**
 * Parses a peer address without resolving its name.
 * @throws PongcheckError `PONGCHECK_ADDRESS` with what is wrong and what is allowed.
 */
export function parsePeerAddress(text: string): PeerAddress {
  const [, scheme, name] = /^srv\+(pongs?:\/\/)(.*)$/is.exec(text) ?? [];
  const address = parseAddress(scheme === undefined ? text : `${scheme}${name}`);
  if (scheme === undefined) {
    if (address.kind === 'unix') throw invalid('A peer has no Unix socket');
    if (address.port === 0) throw invalid('The address of a peer has port 0');
    return address;
  }
  const { host } = address as TcpAddress | TlsAddress;
  if (host !== name || isIPv4(host)) throw invalid('An SRV name is a host name without a port');
  return { kind: 'srv', name: host, transport: address.kind === 'tls' ? 'tls' : 'tcp' };
}

/** Returns the canonical form, which `parsePeerAddress` accepts. */
export function formatPeerAddress(address: PeerAddress): string {
  if (address.kind !== 'srv') return formatAddress(address);
  return `srv+${address.transport === 'tls' ? 'pongs' : 'pong'}://${address.name}`;
}

function invalid(problem: string): PongcheckError {
  return new PongcheckError('PONGCHECK_ADDRESS', `${problem}; allowed: ${PEER_FORMS}.`);
}
