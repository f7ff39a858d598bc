import { systemClock } from '../common/clock.js';
import type { Address } from '../net/address.js';
import { Client } from './client.js';
import { Connection } from './connection.js';
import { CONNECT_TIMEOUT_MS, type ConnectOptions, openConnection, timeUntil } from './open.js';
import { validateConnectOptions, validateProbeOptions } from './options.js';
import { type PingOptions, pingRequest } from './requests.js';
import type { Pong } from './responses.js';

/**
 * Connects to a responder.
 *
 * @param address `pong://HOST:PORT`, `pongs://HOST:PORT` (TLS), `HOST:PORT`, `HOST` or `pong+unix:/PATH`. If a host name
 *   resolves to several addresses, the first one that accepts the connection is used, as in `node:net`.
 * @returns the client, once the connection is established and the token, if any, is accepted.
 * @throws PongcheckError `PONGCHECK_ADDRESS`, `PONGCHECK_CONFIG`, `PONGCHECK_CONNECT`, `PONGCHECK_TLS`,
 *   `PONGCHECK_TIMEOUT`, or `PONGCHECK_REFUSED` if the token was rejected; the abort reason if `options.signal` aborts.
 */
export async function connect(address: string | Address, options: ConnectOptions = {}): Promise<Client> {
  return openConnection(Client, address, validateConnectOptions(options));
}

/**
 * Sends one PING on a new connection, then closes the connection.
 *
 * @param options `responseTimeout` limits the whole call, including connection establishment.
 * @throws PongcheckError with the codes of `connect` and `Client.ping`.
 */
export async function ping(address: string | Address, options: ConnectOptions & PingOptions = {}): Promise<Pong> {
  const valid = validateProbeOptions(options);
  const { clock = systemClock, connectTimeout = CONNECT_TIMEOUT_MS } = valid;
  const { responseTimeout } = pingRequest(valid);
  const deadline = clock.now() + responseTimeout;
  const shorter = Math.min(connectTimeout, responseTimeout);
  const connection = await openConnection(Connection, address, { ...valid, connectTimeout: shorter });
  try {
    return await connection.ping({ ...valid, responseTimeout: timeUntil(deadline, clock), close: true });
  } finally {
    connection.destroy();
  }
}
