/** When the client sends PINGs, and when it considers the server dead. Times in milliseconds. */
export interface HeartbeatSettings {
  /** Idle time in one direction after which a PING is sent, in milliseconds, reduced by a random jitter of up to 25 %. At least 10. */
  interval: number;
  /** Number of unanswered PINGs at which the server is dead when the next PING is due; 0 = unlimited. Default 3, or 0 if `timeout` is given. */
  maxPingsOut?: number;
  /**
   * The server is dead if nothing arrives for this long after a PING, in milliseconds; 0 = off.
   *
   * @default 0
   */
  timeout?: number;
}

/** A dead server is detected within 30 to 40 s (default) or 6.75 to 9 s (strict), minus the jitter. */
export const heartbeatPresets = {
  default: { interval: 10_000, maxPingsOut: 3 },
  strict: { interval: 2250, maxPingsOut: 3 },
} as const satisfies Record<string, HeartbeatSettings>;

/** Minimum heartbeat interval in milliseconds, which also applies to intervals that the server requests. */
export const MIN_INTERVAL_MS = 10;
export const MAX_PINGS_OUT = 1000;
const DEFAULT_PINGS_OUT = 3;
/**
 * Minimum number of heartbeats per idle timeout of the server. With a longer interval, the server could close the
 * connection.
 */
const HEARTBEATS_PER_IDLE_TIMEOUT = 2.2;

/** Fills in the defaults of valid settings. */
export function heartbeatSettings(
  given: keyof typeof heartbeatPresets | HeartbeatSettings,
): Required<HeartbeatSettings> {
  const {
    interval,
    timeout = 0,
    maxPingsOut,
  }: HeartbeatSettings = typeof given === 'string' ? heartbeatPresets[given] : given;
  return { interval, timeout, maxPingsOut: maxPingsOut ?? (timeout > 0 ? 0 : DEFAULT_PINGS_OUT) };
}

/**
 * Reduces `interval` so that a server with this idle timeout does not close the connection; undefined or 0 = no idle
 * timeout.
 */
export function limitInterval(interval: number, idleTimeout: number | undefined): number {
  const longest = Math.round((idleTimeout || Number.POSITIVE_INFINITY) / HEARTBEATS_PER_IDLE_TIMEOUT);
  return Math.min(interval, Math.max(MIN_INTERVAL_MS, longest));
}
