import { connect as connectSocket, type LookupFunction, type Socket } from 'node:net';
import { type Clock, systemClock } from '../common/clock.js';
import { PongcheckError } from '../common/errors.js';
import { type Address, endpointOf, parseAddress } from '../net/address.js';
import type { KeepAlive } from '../net/keep-alive.js';
import { onAbort } from './abort.js';
import { Client } from './client.js';
import { connectFailure, timeoutFailure } from './errors.js';
import { milliseconds, wrongOption } from './options.js';
import type { Pong } from './pong.js';
import { type PingOptions, pingRequest } from './requests.js';
import { type ClientTls, tlsOpener } from './tls.js';

export interface ConnectOptions {
  /** How long the connection may take to stand, name resolution included, in milliseconds. Default 5000. */
  connectTimeout?: number;
  /** Questions that may wait for an answer at once; one more is rejected with PONGCHECK_BUSY. Default 1024. */
  maxInFlight?: number;
  /**
   * Shown in a HELLO of its own as soon as the connection stands, before it is handed out. Who has more to say there
   * says it with the token in `Client.hello`.
   */
  token?: string;
  /** Gives up: rejects with the signal's reason. */
  signal?: AbortSignal;
  /** For a `pongs://` address. Default: the server's certificate is verified, and none shown. */
  tls?: ClientTls;
  /** TCP keep-alive, which tells that the server's kernel answers. Default: none. */
  keepAlive?: Partial<KeepAlive>;
  /** How a name becomes addresses, as in `node:net`. Default `dns.lookup`. */
  lookup?: LookupFunction;
  /** @internal */
  clock?: Clock;
}

const warned = new Set<string>();

/** What this machine cannot set is said once in the life of a process. */
function warnOnce(description: string): void {
  if (warned.has(description)) return;
  warned.add(description);
  process.emitWarning(description, { code: 'PONGCHECK_KEEP_ALIVE' });
}

/** Loaded for who wants it: a probe does not. */
async function loadKeepAliveSetter(settings: Partial<KeepAlive>): Promise<(socket: Socket) => void> {
  return (await import('../net/keep-alive.js')).keepAliveSetter(settings, warnOnce);
}

const CONNECT_TIMEOUT = 5000;
const MAX_IN_FLIGHT = 1024;

/**
 * Connects to a responder at `pong://HOST:PORT`, `pongs://HOST:PORT` (TLS), `HOST:PORT` or `HOST`. Of a name with several addresses the first
 * that accepts is taken, as `node:net` does. Rejects with PONGCHECK_ADDRESS, PONGCHECK_CONNECT, PONGCHECK_TLS, PONGCHECK_TIMEOUT,
 * the reason of `options.signal`, or, where the token is refused, PONGCHECK_REFUSED.
 */
export async function connect(address: string | Address, options: ConnectOptions = {}): Promise<Client> {
  const { clock = systemClock, connectTimeout = CONNECT_TIMEOUT, token, signal } = options;
  const until = clock.now() + connectTimeout;
  const client = await open(address, options);
  if (token === undefined) return client;
  try {
    await client.hello({ token, responseTimeout: Math.max(1, until - clock.now()), ...(signal && { signal }) });
    return client;
  } catch (error) {
    client.destroy();
    throw error;
  }
}

async function open(address: string | Address, options: ConnectOptions): Promise<Client> {
  const { clock = systemClock, maxInFlight = MAX_IN_FLIGHT, signal, lookup } = options;
  const timeout = milliseconds('connectTimeout', options.connectTimeout ?? CONNECT_TIMEOUT);
  if (!Number.isInteger(maxInFlight) || maxInFlight < 1) throw wrongOption('maxInFlight', maxInFlight, '1 or more');
  const target = typeof address === 'object' && address !== null ? address : parseAddress(address);
  if (target.kind !== 'unix' && target.port === 0)
    throw new PongcheckError('PONGCHECK_ADDRESS', 'Port 0 is for listeners: nothing is found there');
  const setKeepAlive = options.keepAlive && (await loadKeepAliveSetter(options.keepAlive));
  const openTls = target.kind === 'tls' ? await tlsOpener(options.tls) : undefined;
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const endpoint = { ...endpointOf(target), noDelay: true, ...(lookup && { lookup }) };
    const socket: Socket = openTls ? openTls(endpoint) : connectSocket(endpoint);
    const stands = openTls ? 'secureConnect' : 'connect';
    let connecting = true;
    const settle = () => {
      connecting = false;
      clock.clear(timer);
      stopListening();
      socket.off(stands, onConnect).off('error', onError);
    };
    const giveUp = (reason: unknown) => {
      settle();
      socket.on('error', () => {});
      socket.destroy();
      reject(reason);
    };
    const onConnect = () => {
      settle();
      setKeepAlive?.(socket);
      resolve(new Client(target, socket, clock, maxInFlight));
    };
    const onError = (cause: Error) => giveUp(connectFailure(target, cause));
    // Once more round the loop before anybody is convicted: the connection may stand already.
    const timer = clock.after(timeout, () =>
      setImmediate(() => {
        if (connecting) giveUp(timeoutFailure(target, 'accept the connection', timeout));
      }),
    );
    socket.on(stands, onConnect).on('error', onError);
    const stopListening = onAbort(signal, () => giveUp(signal?.reason));
  });
}

/**
 * The probe: connects, sends one PING, and is gone when it is answered. `responseTimeout` covers all of it. Rejects as `connect`
 * and `Client.ping` do.
 */
export async function ping(address: string | Address, options: ConnectOptions & PingOptions = {}): Promise<Pong> {
  const { clock = systemClock, connectTimeout = CONNECT_TIMEOUT } = options;
  const { responseTimeout } = pingRequest(options);
  const until = clock.now() + responseTimeout;
  const client = await connect(address, { ...options, connectTimeout: Math.min(connectTimeout, responseTimeout) });
  try {
    return await client.ping({ ...options, responseTimeout: Math.max(1, until - clock.now()), close: true });
  } finally {
    client.destroy();
  }
}
