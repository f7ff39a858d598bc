import type { Socket } from 'node:net';
import type { TLSSocket, Server as TlsServer } from 'node:tls';
import { ALPN, flawOf } from '../../net/tls.js';
import { LiveCertificate } from '../certificates/live-certificate.js';
import type { TlsSettings } from '../certificates/tls-files.js';

/** How a handshake ended: a socket to speak over, and why nothing is answered there if so; or what broke it, in one sentence. */
export type Handshake = { socket: TLSSocket; refusal: string | undefined } | { broken: string };

/**
 * `_parent` is the socket below TLS, which Node does not document. Nothing else identifies it: addresses and ports are
 * not unique. Without it every handshake ends with its connection.
 */
interface TlsOver extends TLSSocket {
  _parent?: Socket;
}

/** Performs the TLS handshakes of one listener. */
export class TlsHandshaker {
  /** By the socket below TLS: addresses and ports are not unique to a connection. */
  private readonly waiting = new Map<Socket | undefined, (handshake: Handshake) => void>();

  private constructor(
    readonly certificate: LiveCertificate,
    private readonly server: TlsServer,
  ) {
    server.on('secureConnection', (socket) => this.done(socket, { socket, refusal: this.refusalOf(socket) }));
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) =>
      this.done(socket, { broken: sentenceOf(error.code ?? '') }),
    );
  }

  /** Throws PONGCHECK_CONFIG where the files make no server. */
  static async open(settings: TlsSettings, where: string): Promise<TlsHandshaker> {
    const { createServer } = await import('node:tls');
    const certificate = await LiveCertificate.open(settings, where);
    const server = createServer({
      ...certificate.options,
      ALPNProtocols: [ALPN],
      requestCert: certificate.asksClients,
      // The handshake is completed, so that who is refused can be told why (SPEC "TLS").
      rejectUnauthorized: false,
    });
    certificate.attach(server);
    return new TlsHandshaker(certificate, server);
  }

  /** Calls `done` once, unless the socket closes before. */
  secure(raw: Socket, done: (handshake: Handshake) => void): void {
    this.waiting.set(raw, done);
    raw.once('close', () => this.waiting.delete(raw));
    // A FIN in the middle of a handshake ends it; afterwards a client may have its say and still read.
    raw.allowHalfOpen = false;
    this.server.emit('connection', raw);
  }

  private done(socket: TlsOver, handshake: Handshake): void {
    const done = this.waiting.get(socket._parent);
    this.waiting.delete(socket._parent);
    socket.allowHalfOpen = true;
    if (done) done(handshake);
    else socket.destroy();
  }

  private refusalOf(socket: TLSSocket): string | undefined {
    if (!this.certificate.asksClients || socket.authorized) return undefined;
    if (Object.keys(socket.getPeerCertificate()).length === 0) return 'a client certificate is required here';
    return `the client certificate ${flawOf(String(socket.authorizationError)) ?? 'is not accepted'}`;
  }
}

const descriptions: Readonly<Record<string, string>> = {
  ERR_SSL_NO_APPLICATION_PROTOCOL: 'the client speaks another protocol (ALPN)',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the client speaks no version of TLS that is allowed here',
  ERR_SSL_NO_SHARED_CIPHER: 'the client knows no cipher that is allowed here',
  ERR_SSL_NO_SHARED_SIGNATURE_ALGORITHMS: 'the client knows no signature of this certificate’s kind',
  ECONNRESET: 'the client broke it off',
};

function sentenceOf(code: string): string {
  if (/_ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|\w*CERTIFICATE_\w+)/.test(code)) {
    return 'the client does not accept the certificate of this server';
  }
  return descriptions[code] ?? `it makes no sense (${code})`;
}
