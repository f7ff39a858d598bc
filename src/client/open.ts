import { connect as connectSocket, type LookupFunction, type Socket } from 'node:net';
import { type Clock, systemClock } from '../common/clock.js';
import { PongcheckError } from '../common/errors.js';
import { type Address, endpointOf, formatAddress, parseAddress } from '../net/address.js';
import type { KeepAlive } from '../net/keep-alive.js';
import { onAbort } from './abort.js';
import type { Connection } from './connection.js';
import { connectFailure, timeoutFailure } from './errors.js';
import { type ClientTls, tlsOpener } from './tls.js';

/** Options of `connect`. Times are whole milliseconds; `Infinity` is not allowed. */
export interface ConnectOptions {
  /**
   * Timeout for establishing the connection, including name resolution and the TLS handshake, in milliseconds.
   *
   * @default 5000
   */
  connectTimeout?: number;
  /**
   * Maximum number of outstanding requests. Further requests reject with `PONGCHECK_BUSY`.
   *
   * @default 1024
   */
  maxInFlight?: number;
  /**
   * Bearer token, sent in a HELLO before `connect` resolves. To also send a name or a heartbeat, pass the token to
   * `Client.hello` instead.
   */
  token?: string;
  /** Aborts the attempt. `connect` then rejects with the abort reason. */
  signal?: AbortSignal;
  /** TLS options for a `pongs://` address. By default, the server certificate is verified and no client certificate is sent. */
  tls?: ClientTls;
  /** TCP keep-alive, which detects a lost host but not a hung process. Off by default. */
  keepAlive?: Partial<KeepAlive>;
  /** Function that resolves host names, as in `net.connect`. Default: `dns.lookup`. */
  lookup?: LookupFunction;
  /** @internal */
  clock?: Clock;
}

export const CONNECT_TIMEOUT_MS = 5000;
export const MAX_IN_FLIGHT = 1024;

type ConnectionClass<C extends Connection> = new (
  address: Address,
  socket: Socket,
  clock: Clock,
  maxInFlight: number,
) => C;

/** Implements `connect`, with validated options. */
export async function openConnection<C extends Connection>(
  Class: ConnectionClass<C>,
  address: string | Address,
  options: ConnectOptions,
): Promise<C> {
  const { clock = systemClock, connectTimeout = CONNECT_TIMEOUT_MS, token, signal } = options;
  const deadline = clock.now() + connectTimeout;
  const target = targetOf(address);
  const { maxInFlight = MAX_IN_FLIGHT } = options;
  const connection = await openSocket(target, options, (socket) => new Class(target, socket, clock, maxInFlight));
  if (token === undefined) return connection;
  try {
    await connection.hello({ token, responseTimeout: timeUntil(deadline, clock), ...(signal && { signal }) });
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

/**
 * Validates the address of a responder.
 *
 * @throws PongcheckError `PONGCHECK_ADDRESS`.
 */
export function targetOf(given: string | Address): Address {
  const address = parseAddress(isAddress(given) ? formatAddress(given) : given);
  if (address.kind !== 'unix' && address.port === 0)
    throw new PongcheckError('PONGCHECK_ADDRESS', 'Port 0 is only valid for a listener');
  return address;
}

/** Whether `formatAddress` accepts the value. */
function isAddress(given: string | Address): given is Address {
  if (typeof given !== 'object' || given === null) return false;
  if (given.kind === 'unix') return typeof given.path === 'string';
  return (given.kind === 'tcp' || given.kind === 'tls') && typeof given.host === 'string';
}

/** Whole milliseconds until `deadline`, but at least 1. */
export function timeUntil(deadline: number, clock: Clock): number {
  return Math.max(1, Math.round(deadline - clock.now()));
}

/** Calls `use` within the `connect` event, so that no event of the socket is missed. */
async function openSocket<T>(target: Address, options: ConnectOptions, use: (socket: Socket) => T): Promise<T> {
  const { clock = systemClock, connectTimeout = CONNECT_TIMEOUT_MS, signal, lookup } = options;
  const setKeepAlive = options.keepAlive && (await loadKeepAliveSetter(options.keepAlive));
  const openTls = target.kind === 'tls' ? await tlsOpener(options.tls) : undefined;
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const endpoint = { ...endpointOf(target), noDelay: true, ...(lookup && { lookup }) };
    const socket: Socket = openTls ? openTls(endpoint) : connectSocket(endpoint);
    const connectEvent = openTls ? 'secureConnect' : 'connect';
    let isConnecting = true;
    const settle = () => {
      isConnecting = false;
      clock.clear(timer);
      stopListening();
      socket.off(connectEvent, onConnect).off('error', onError);
    };
    const fail = (reason: unknown) => {
      settle();
      socket.on('error', () => {});
      socket.destroy();
      reject(reason);
    };
    const onConnect = () => {
      settle();
      setKeepAlive?.(socket);
      resolve(use(socket));
    };
    const onError = (cause: Error) => fail(connectFailure(target, cause));
    // Polls once more after the timer, because the connection may already be established.
    const timer = clock.after(connectTimeout, () =>
      setImmediate(() => {
        const step = openTls && !socket.connecting ? 'complete the TLS handshake' : 'accept the connection';
        if (isConnecting) fail(timeoutFailure(target, step, connectTimeout));
      }),
    );
    socket.on(connectEvent, onConnect).on('error', onError);
    const stopListening = onAbort(signal, () => fail(signal?.reason));
  });
}

const warnings = new Set<string>();

/** Emits a process warning about a setting that this machine does not support. Emitted once per process. */
function warnOnce(description: string): void {
  if (warnings.has(description)) return;
  warnings.add(description);
  process.emitWarning(description, { code: 'PONGCHECK_KEEP_ALIVE' });
}

/** Loaded on demand, because `pongcheck ping` does not use keep-alive. */
async function loadKeepAliveSetter(settings: Partial<KeepAlive>): Promise<(socket: Socket) => void> {
  return (await import('../net/keep-alive.js')).keepAliveSetter(settings, warnOnce);
}
