import type { Session, SessionHost } from '../connection/session.js';
import { beginsWithProxyHeader } from '../handshake/proxy-header.js';
import { BinarySession } from './frames.js';
import { LineSession } from './lines.js';

type Detected = 'binary' | 'line' | 'tls' | 'proxy-header' | 'unknown';

const isLetter = (byte: number): boolean => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;

/** The protocol with which the first chunk of a connection begins (SPEC "Modes"). */
function detect(chunk: Buffer): Detected {
  const first = chunk[0] as number;
  if (first === 0x00) return 'binary';
  if (isLetter(first)) return 'line';
  if (first === 0x16) return 'tls';
  return beginsWithProxyHeader(chunk) ? 'proxy-header' : 'unknown';
}

/**
 * Creates a session for the mode that the first byte selects.
 * @returns undefined if the byte selects no mode of this protocol or line mode is not allowed. `connection` is then
 * closed.
 */
export function createSession(connection: SessionHost, chunk: Buffer): Session | undefined {
  switch (detect(chunk)) {
    case 'binary':
      return new BinarySession(connection);
    case 'line': {
      const { unauthorizedReason } = connection;
      if (unauthorizedReason === undefined) return new LineSession(connection);
      connection.report(`line mode rejected: ${unauthorizedReason}`);
      connection.close('unauthenticated');
      return undefined;
    }
    case 'tls':
      warnOfTls(connection);
      connection.close('tls');
      return undefined;
    case 'proxy-header':
      connection.report('unexpected PROXY header: the sender is not listed in proxyProtocol.from');
      connection.close('proxy-header');
      return undefined;
    case 'unknown':
      connection.report('unknown protocol: the first byte starts neither a frame nor a line');
      connection.close('wrong-protocol');
      return undefined;
  }
}

function warnOfTls({ shared, remoteAddress }: SessionHost): void {
  if (shared.isTlsWarned) return;
  shared.isTlsWarned = true;
  const fields = { peer: remoteAddress, listener: shared.listener };
  shared.log.warn(fields, 'TLS handshake on a plain listener, closed; use pong:// or configure tls (logged once)');
}
