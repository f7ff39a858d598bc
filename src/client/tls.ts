import type { TLSSocket } from 'node:tls';
import { PongcheckError } from '../common/errors.js';
import { type Address, hostAndPort } from '../net/address.js';
import { ALPN, certificateProblem } from '../net/tls.js';

/** TLS options for a `pongs://` address. Certificates and keys are in PEM format. */
export interface ClientTls {
  /** Trusted CA certificates. Default: the CAs that Node.js trusts. */
  readonly ca?: string | Buffer;
  /** Client certificate. Default: none. */
  readonly cert?: string | Buffer;
  /** Private key of the client certificate. */
  readonly key?: string | Buffer;
  /** Expected host name in the server certificate. Default: the host of the address. */
  readonly servername?: string;
  /**
   * If false, any server certificate is accepted, which permits man-in-the-middle attacks.
   *
   * @default true
   */
  readonly rejectUnauthorized?: boolean;
}

/** Returns a function that opens TLS connections. Throws PONGCHECK_CONFIG if the PEM data is unusable, without quoting the data. */
export async function tlsOpener({
  servername,
  rejectUnauthorized = true,
  ...own
}: ClientTls = {}): Promise<(endpoint: object) => TLSSocket> {
  const { connect, createSecureContext } = await import('node:tls');
  try {
    const secureContext = createSecureContext({ ...own, minVersion: 'TLSv1.2' });
    const named = servername === undefined ? {} : { servername };
    return (endpoint) => connect({ ...endpoint, ...named, rejectUnauthorized, secureContext, ALPNProtocols: [ALPN] });
  } catch (cause) {
    const { code = 'no error code' } = cause as NodeJS.ErrnoException;
    throw new PongcheckError('PONGCHECK_CONFIG', `tls.ca, tls.cert or tls.key is not usable (${code})`, {
      cause,
    });
  }
}

/** Maps a TLS error to PONGCHECK_TLS; undefined for other errors. `established`: whether the handshake was complete. */
export function tlsFailure(
  address: Address,
  cause: NodeJS.ErrnoException,
  established: boolean,
): PongcheckError | undefined {
  const description = describeTlsError(cause, established);
  if (description === undefined) return undefined;
  return new PongcheckError('PONGCHECK_TLS', `${hostAndPort(address)} ${description}`, { cause });
}

function describeTlsError({ code = '', message }: NodeJS.ErrnoException, established: boolean): string | undefined {
  const flaw = certificateProblem(code);
  if (flaw) return `sent a certificate that ${flaw}`;
  if (/_ALERT_CERTIFICATE_REQUIRED$/.test(code)) return 'requires a client certificate';
  const [, alert] = /_ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|\w*CERTIFICATE\w*)$/.exec(code) ?? [];
  if (alert) return `rejected the client certificate (${alert.toLowerCase().replaceAll('_', ' ')})`;
  if (/_(HANDSHAKE_FAILURE)$/.test(code)) return 'aborted the TLS handshake: it may require a client certificate';
  if (/_NO_APPLICATION_PROTOCOL$/.test(code)) return 'uses another protocol over TLS (ALPN)';
  if (/_(ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL)$/.test(code))
    return 'supports no TLS version that is allowed here';
  if (/^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/.test(code)) return 'does not use TLS: use pong://';
  if (!established && code === 'ECONNRESET' && /TLS connection/.test(message)) {
    return 'closed the connection during the TLS handshake: it may not use TLS (pong://)';
  }
  return /^ERR_(SSL|TLS|OSSL)_/.test(code) ? `failed the TLS connection (${code})` : undefined;
}
