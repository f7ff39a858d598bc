import { Socket } from 'node:net';

/**
 * The kernel's own probe of a silent connection. It tells that a kernel answers,
 * not that anyone behind it does, and it ends at the next proxy.
 */
export interface KeepAlive {
  /** Silence before the first probe, in milliseconds (the kernel takes whole seconds). Default 30,000. */
  idle: number;
  /** Between two probes, in milliseconds (whole seconds). Default 10,000. */
  interval: number;
  /** Unanswered probes with which the connection is broken off, with ETIMEDOUT. Default 3. */
  count: number;
  /**
   * How long sent octets may stay unacknowledged, in milliseconds; 0 = as long as the kernel
   * likes (about 15 minutes). With one, Linux ignores `count`. Default: idle + interval x count.
   */
  userTimeout?: number;
}

export const defaultKeepAlive: KeepAlive = { idle: 30_000, interval: 10_000, count: 3 };

/** What sets the options that Node itself does not reach; the optional dependency net-keepalive is one. */
interface SocketOptions {
  setKeepAliveInterval(socket: Socket, ms: number): boolean;
  setKeepAliveProbes(socket: Socket, count: number): boolean;
  setUserTimeout(socket: Socket, ms: number): boolean;
}

/** Node >= 24 takes interval and count; before, a third argument was not looked at. */
type SetKeepAlive = (enable: boolean, idle: number, interval?: number, count?: number) => Socket;
const nodeTakesCount = Socket.prototype.setKeepAlive.length >= 4;

/** How long sent octets may stay unacknowledged with these settings, in milliseconds; 0 = no limit. */
export function userTimeoutOf({ idle, interval, count, userTimeout }: KeepAlive): number {
  return userTimeout ?? idle + interval * count;
}

/**
 * Makes what sets these settings on a socket. Calls `warn` with one sentence, once, where
 * this machine cannot set all of them; what can be set is set.
 */
export async function keepAliveSetter(
  given: Partial<KeepAlive>,
  warn: (description: string) => void,
): Promise<(socket: Socket) => void> {
  const settings = { ...defaultKeepAlive, ...given };
  const { idle, interval, count } = settings;
  const userTimeout = userTimeoutOf(settings);
  const options = !nodeTakesCount || userTimeout > 0 ? await loadSocketOptions() : undefined;
  if (!options && !nodeTakesCount) {
    warn('TCP keep-alive: this Node sets only `idle`; install net-keepalive, or use Node 24, for the rest');
  } else if (!options && settings.userTimeout) {
    warn('TCP keep-alive: `userTimeout` is not set; install net-keepalive for it');
  }
  return (socket) => {
    (socket.setKeepAlive as SetKeepAlive)(true, idle, interval, count);
    if (!options) return;
    try {
      if (!nodeTakesCount) {
        options.setKeepAliveInterval(socket, interval);
        options.setKeepAliveProbes(socket, count);
      }
      if (userTimeout > 0) options.setUserTimeout(socket, userTimeout);
    } catch {
      // A socket that is gone already has nothing to be set.
    }
  };
}

async function loadSocketOptions(): Promise<SocketOptions | undefined> {
  try {
    return (await import('net-keepalive')) as unknown as SocketOptions;
  } catch {
    return undefined;
  }
}
