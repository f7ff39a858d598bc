import { Socket } from 'node:net';

/**
 * TCP keep-alive: the kernel probes a silent connection. A response proves only that the peer's kernel, or the next
 * proxy, is alive.
 */
export interface KeepAlive {
  /**
   * Silence before the first probe, in milliseconds (the kernel uses whole seconds).
   * @default 30000
   */
  idle: number;
  /**
   * Interval between probes, in milliseconds (the kernel uses whole seconds).
   * @default 10000
   */
  interval: number;
  /**
   * Number of unanswered probes after which the connection is closed with ETIMEDOUT.
   * @default 3
   */
  count: number;
  /**
   * How long sent data may stay unacknowledged, in milliseconds; 0 = system default (about 15 minutes). If set, Linux
   * ignores `count`. Default: idle + interval x count.
   */
  userTimeout?: number;
}

export const defaultKeepAlive: KeepAlive = { idle: 30_000, interval: 10_000, count: 3 };

/** The part of `net.Socket` that is used here. */
export interface KeepAliveSocket {
  /** Contains the descriptor as `fd`. */
  readonly _handle?: object;
  /** Times are in milliseconds. Node < 24 ignores `interval` and `count`. */
  setKeepAlive(enable: boolean, idle: number, interval?: number, count?: number): unknown;
}

/** Sets the socket options that Node cannot set. Implemented by the optional dependency net-keepalive. */
interface SocketOptions {
  setKeepAliveInterval(socket: Socket, ms: number): boolean;
  setKeepAliveProbes(socket: Socket, count: number): boolean;
  setUserTimeout(socket: Socket, ms: number): boolean;
}

const nodeSetsCount = Socket.prototype.setKeepAlive.length >= 4;

/** Effective `userTimeout` of these settings, in milliseconds; 0 = system default. */
export function userTimeoutOf({ idle, interval, count, userTimeout }: KeepAlive): number {
  return userTimeout ?? idle + interval * count;
}

/**
 * Returns a function that applies these settings to a socket. Calls `warn` once if this system does not support all of
 * them.
 */
export async function keepAliveSetter(
  given: Partial<KeepAlive>,
  warn: (description: string) => void,
): Promise<(socket: KeepAliveSocket) => void> {
  const settings = { ...defaultKeepAlive, ...given };
  const { idle, interval, count } = settings;
  const userTimeout = userTimeoutOf(settings);
  const options = !nodeSetsCount || userTimeout > 0 ? await loadSocketOptions() : undefined;
  if (!options && !nodeSetsCount) {
    warn('TCP keep-alive: this version of Node.js sets only `idle`; install net-keepalive or use Node.js 24');
  } else if (!options && settings.userTimeout) {
    warn('TCP keep-alive: `userTimeout` has no effect; install net-keepalive');
  }
  return (socket) => {
    socket.setKeepAlive(true, idle, interval, count);
    if (!options) return;
    const target = asNetSocket(socket);
    try {
      if (!nodeSetsCount) {
        options.setKeepAliveInterval(target, interval);
        options.setKeepAliveProbes(target, count);
      }
      if (userTimeout > 0) options.setUserTimeout(target, userTimeout);
    } catch {
      // The socket is already closed.
    }
  };
}

/** net-keepalive reads the descriptor from `_handle`, but accepts only instances of `net.Socket`. */
function asNetSocket(socket: KeepAliveSocket): Socket {
  return socket instanceof Socket ? socket : Object.create(Socket.prototype, { _handle: { value: socket._handle } });
}

async function loadSocketOptions(): Promise<SocketOptions | undefined> {
  try {
    return (await import('net-keepalive')) as unknown as SocketOptions;
  } catch {
    return undefined;
  }
}
