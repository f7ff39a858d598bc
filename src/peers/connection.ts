import type { Client } from '../client/client.js';
import { connect } from '../client/connect.js';
import type { ConnectOptions } from '../client/open.js';
import { type Peer, tlsFor } from '../net/peer-directory.js';

/** Credentials for connections to peers. */
export type PeerIdentity = Pick<ConnectOptions, 'token' | 'tls'>;

/** The part of a client that the peer query uses. */
export type PeerConnection = Pick<Client, 'ended' | 'ping' | 'destroy'>;

/** Maximum number of bytes that a peer may send on one connection. An answer has about a hundred bytes. */
const MAX_RECEIVED_BYTES = 262_144;

/** Connects to a peer. `connectTimeout` is in milliseconds. The connection does not keep the process alive. */
export async function connectPeer(
  peer: Peer,
  { token, tls }: PeerIdentity,
  connectTimeout: number,
  signal: AbortSignal,
): Promise<PeerConnection> {
  const options = {
    signal,
    connectTimeout,
    ...(token !== undefined && { token }),
    ...tlsFor(peer, tls),
  };
  const client = await connect(peer.address, options);
  if (signal.aborted) {
    client.destroy();
    throw signal.reason;
  }
  let received = 0;
  client.socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (received > MAX_RECEIVED_BYTES) client.destroy();
  });
  return client.unref();
}
