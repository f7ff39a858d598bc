import type { Log } from '../common/log.js';
import { type KeepAlive, type KeepAliveSocket, keepAliveSetter } from '../net/keep-alive.js';
import { Networks } from '../net/networks.js';
import type { TlsSettings } from './certificates/tls-files.js';
import type { ListenerContext } from './connection/session.js';
import type { HandshakeContext } from './handshake/pending.js';
import type { TlsHandshaker } from './handshake/tls-handshaker.js';
import type { ConnectionListener } from './sockets/connection-listener.js';

/** Settings of one listener. */
export interface ListenerSettings {
  /**
   * Idle timeout in milliseconds; 0 = never.
   * @default `heartbeat.idleTimeout`
   */
  idleTimeout?: number;
  /**
   * TCP keep-alive for the connections of the listener.
   * @default none
   */
  keepAlive?: Partial<KeepAlive>;
  /**
   * File mode of a Unix socket, such as 0o660.
   * @default set by the umask
   */
  mode?: number;
  /**
   * Answers requests only after a HELLO with a valid token. Disables line mode.
   * @default false
   */
  requireToken?: boolean;
  /** Required for a `pongs://` address, and allowed only there. */
  tls?: TlsSettings;
  /**
   * Addresses and networks of the proxies whose connections begin with a PROXY protocol version 2 header.
   * @default none
   */
  proxyProtocol?: { from: readonly string[] };
}

/** An address to listen on, with the settings of its listener. */
export interface Listen extends Readonly<ListenerSettings> {
  readonly url: string;
}

/** An open listener. */
export interface Listening {
  readonly listener: ConnectionListener;
  readonly address: string;
  settings: ListenerSettings;
  readonly shared: ListenerContext;
  /** Undefined for plain text. */
  readonly tls: TlsHandshaker | undefined;
  readonly handshakes: HandshakeContext;
  /** Trusted proxies, which must send a PROXY header; undefined if there are none. */
  proxies: Networks | undefined;
  setKeepAlive: ((socket: KeepAliveSocket) => void) | undefined;
}

export async function keepAliveOf({ keepAlive }: ListenerSettings, log: Log): Promise<Listening['setKeepAlive']> {
  return keepAlive && keepAliveSetter(keepAlive, (description) => log.warn({}, description));
}

export function proxiesOf({ proxyProtocol }: ListenerSettings): Networks | undefined {
  return proxyProtocol && new Networks(proxyProtocol.from);
}
