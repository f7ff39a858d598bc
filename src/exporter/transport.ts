import { type LookupAddress, lookup as resolve } from 'node:dns';
import { connect, type LookupFunction, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type ClientTls, tlsOpener } from '../client/tls.js';
import type { ProbeContext } from './result.js';

/** `dns.lookup` that records its duration and result. */
export function timedLookup({ result, note }: ProbeContext): LookupFunction {
  return (host, options, callback) => {
    const startedAt = performance.now();
    resolve(host, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      result.lookupTime = (result.lookupTime ?? 0) + performance.now() - startedAt;
      const outcome = error ? error.code : addresses.map(({ address }) => address).join(', ');
      note(`resolved ${host} in ${result.lookupTime.toFixed(1)} ms: ${outcome}`);
      const [first] = addresses ?? [];
      if (error || options.all) (callback as (e: unknown, all: LookupAddress[]) => void)(error, addresses);
      else callback(null, first?.address as string, first?.family as number);
    });
  };
}

/**
 * Opens a connection, over TLS if `tls` is given. Rejects with an error of node:net or node:tls, or at the deadline.
 */
export async function open(context: ProbeContext, tls: ClientTls | undefined): Promise<Socket> {
  const { host, port, signal } = context;
  const endpoint = { host, port, noDelay: true, lookup: timedLookup(context) };
  const openTls = tls && (await tlsOpener(tls));
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const socket = openTls ? openTls(endpoint) : connect(endpoint);
    const onError = (reason: unknown) => {
      socket.destroy();
      reject(reason);
    };
    signal.addEventListener('abort', () => onError(signal.reason), { once: true });
    socket.on('error', onError);
    socket.once(openTls ? 'secureConnect' : 'connect', () => {
      inspect(socket, context);
      resolve(socket);
    });
  });
}

/** Records the IP version, and the TLS version and certificates. */
export function inspect(socket: Socket, { result, note }: ProbeContext): void {
  result.ipVersion = socket.remoteFamily === 'IPv6' ? 6 : 4;
  note(`connected to ${socket.remoteAddress} port ${socket.remotePort}`);
  if (!('encrypted' in socket)) return;
  const tls = socket as TLSSocket;
  const expiries: number[] = [];
  let certificate = tls.getPeerCertificate(true);
  // The issuer of a self-signed certificate is the certificate itself, which ends the chain.
  while (certificate?.valid_to !== undefined) {
    expiries.push(Date.parse(certificate.valid_to));
    if (certificate.issuerCertificate === certificate || certificate.issuerCertificate === undefined) break;
    certificate = certificate.issuerCertificate;
  }
  if (expiries.length > 0) result.certificateExpiry = new Date(Math.min(...expiries));
  note(`${tls.getProtocol()}, earliest certificate expiry ${result.certificateExpiry?.toISOString() ?? 'never'}`);
}
