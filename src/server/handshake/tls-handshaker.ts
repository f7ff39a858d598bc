import type { Socket } from 'node:net';
import type { TLSSocket, Server as TlsServer } from 'node:tls';
import { ALPN, certificateProblem } from '../../net/tls.js';
import { LiveCertificate } from '../certificates/live-certificate.js';
import type { TlsSettings } from '../certificates/tls-files.js';

/**
 * Result of a handshake: the secure socket, with a reason if the client is not authorized, or the cause of the failure.
 */
export type Handshake = { socket: TLSSocket; rejection: string | undefined } | { failure: string };

/**
 * `_parent` is the socket below TLS, which Node does not document. Nothing else identifies that socket, because
 * addresses and ports are not unique. On a Node version without `_parent`, every handshake fails.
 */
interface TlsOver extends TLSSocket {
  _parent?: Socket;
}

/** Performs the TLS handshakes of one listener. */
export class TlsHandshaker {
  /** Callbacks by the socket below TLS. */
  private readonly callbacks = new Map<Socket | undefined, (handshake: Handshake) => void>();

  private constructor(
    readonly certificate: LiveCertificate,
    private readonly server: TlsServer,
  ) {
    server.on('secureConnection', (socket) => this.done(socket, { socket, rejection: this.rejectionOf(socket) }));
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) =>
      this.done(socket, { failure: describeError(error.code ?? '') }),
    );
  }

  /** @throws PongcheckError `PONGCHECK_CONFIG` if the files cannot be used. */
  static async open(settings: TlsSettings, where: string): Promise<TlsHandshaker> {
    const { createServer } = await import('node:tls');
    const certificate = await LiveCertificate.open(settings, `${where}: `);
    const server = createServer({
      ...certificate.options,
      ALPNProtocols: [ALPN],
      requestCert: certificate.requestsClientCertificates,
      // The handshake completes in any case, so that a rejected client receives the reason (SPEC "TLS").
      rejectUnauthorized: false,
    });
    certificate.attach(server);
    return new TlsHandshaker(certificate, server);
  }

  /** Performs the handshake. Calls `done` once, unless the socket closes first. */
  secure(raw: Socket, done: (handshake: Handshake) => void): void {
    this.callbacks.set(raw, done);
    raw.once('close', () => this.callbacks.delete(raw));
    // A FIN during the handshake ends it. After the handshake, a client may send FIN and still read its answers.
    raw.allowHalfOpen = false;
    this.server.emit('connection', raw);
  }

  private done(socket: TlsOver, handshake: Handshake): void {
    const done = this.callbacks.get(socket._parent);
    this.callbacks.delete(socket._parent);
    socket.allowHalfOpen = true;
    if (done) done(handshake);
    else socket.destroy();
  }

  private rejectionOf(socket: TLSSocket): string | undefined {
    if (!this.certificate.requestsClientCertificates || socket.authorized) return undefined;
    if (Object.keys(socket.getPeerCertificate()).length === 0) return 'a client certificate is required here';
    return `the client certificate ${certificateProblem(String(socket.authorizationError)) ?? 'is not accepted'}`;
  }
}

const descriptions: Readonly<Record<string, string>> = {
  ERR_SSL_NO_APPLICATION_PROTOCOL: 'the client requests another protocol (ALPN)',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the client supports no TLS version that is allowed here',
  ERR_SSL_NO_SHARED_CIPHER: 'the client supports no cipher that is allowed here',
  ERR_SSL_NO_SHARED_SIGNATURE_ALGORITHMS: 'the client supports no signature algorithm of this certificate',
  ECONNRESET: 'the client reset the connection',
};

function describeError(code: string): string {
  if (/_ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|\w*CERTIFICATE_\w+)/.test(code)) {
    return 'the client rejected the certificate of this server';
  }
  return descriptions[code] ?? `invalid data (${code})`;
}
