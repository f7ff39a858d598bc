import type { TLSSocket } from 'node:tls';
import { PongcheckError } from '../common/errors.js';
import { type Address, hostAndPort } from '../net/address.js';
import { ALPN, certificateProblem } from '../net/tls.js';

/** How a server at a `pongs://` address proves who it is, and this client to it. Texts are PEM. */
export interface ClientTls {
  /** The authorities that may have signed the server's certificate. Default: those that Node trusts. */
  readonly ca?: string | Buffer;
  /** The certificate of this client. Default: none. */
  readonly cert?: string | Buffer;
  /** The key of that certificate. */
  readonly key?: string | Buffer;
  /** The name that the server's certificate must have. Default: the host of the address. */
  readonly servername?: string;
  /** false takes any certificate, so that anyone could answer in the server's place. Default true. */
  readonly rejectUnauthorized?: boolean;
}

/** Makes what opens TLS connections. Throws PONGCHECK_CONFIG where certificate and key are not usable; shows nothing of them. */
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
    const { code = 'no code' } = cause as NodeJS.ErrnoException;
    throw new PongcheckError('PONGCHECK_CONFIG', `The option tls has a cert or a key that is not usable (${code})`, {
      cause,
    });
  }
}

/** PONGCHECK_TLS from what TLS says; undefined: it is about something else. `stands`: the handshake is done. */
export function tlsFailure(
  address: Address,
  cause: NodeJS.ErrnoException,
  stands: boolean,
): PongcheckError | undefined {
  const description = sentenceOf(cause, stands);
  if (description === undefined) return undefined;
  return new PongcheckError('PONGCHECK_TLS', `${hostAndPort(address)} ${description}`, { cause });
}

function sentenceOf({ code = '', message }: NodeJS.ErrnoException, stands: boolean): string | undefined {
  const flaw = certificateProblem(code);
  if (flaw) return `shows a certificate that ${flaw}`;
  if (/_ALERT_CERTIFICATE_REQUIRED$/.test(code)) return 'wants a client certificate';
  const [, alert] = /_ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|\w*CERTIFICATE\w*)$/.exec(code) ?? [];
  if (alert) return `does not accept the client certificate (${alert.toLowerCase().replaceAll('_', ' ')})`;
  if (/_(HANDSHAKE_FAILURE)$/.test(code)) return 'breaks off the TLS handshake: it may want a client certificate';
  if (/_NO_APPLICATION_PROTOCOL$/.test(code)) return 'speaks another protocol over TLS (ALPN)';
  if (/_(ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL)$/.test(code))
    return 'speaks no version of TLS that is allowed here';
  if (/^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/.test(code))
    return 'does not speak TLS: pong:// is for that';
  if (!stands && code === 'ECONNRESET' && /TLS connection/.test(message)) {
    return 'ended the connection in the TLS handshake: it may speak no TLS (pong://)';
  }
  return /^ERR_(SSL|TLS|OSSL)_/.test(code) ? `could not be spoken to over TLS (${code})` : undefined;
}
