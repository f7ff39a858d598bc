/** When the client sends PINGs, and when it considers the server dead. Times are in milliseconds. */
export interface HeartbeatSettings {
  /** Idle time in one direction after which a PING is sent, in milliseconds, at least 10. A random jitter reduces it by up to 25 %. */
  interval: number;
  /** Number of unanswered PINGs at which the server is considered dead when the next PING is due; 0 = unlimited. Default: 3, or 0 if `timeout` is set. */
  maxPingsOut?: number;
  /**
   * Maximum time without data after a PING before the server is considered dead, in milliseconds; 0 = off.
   *
   * @default 0
   */
  timeout?: number;
}

/** The presets detect a dead server within 30–40 s (default) or 6.75–9 s (strict), minus the jitter. */
export const heartbeatPresets = {
  default: { interval: 10_000, maxPingsOut: 3 },
  strict: { interval: 2250, maxPingsOut: 3 },
} as const satisfies Record<string, HeartbeatSettings>;

/** Minimum heartbeat interval in milliseconds, even if the server requests a shorter one. */
export const MIN_INTERVAL_MS = 10;
export const MAX_PINGS_OUT = 1000;
const DEFAULT_PINGS_OUT = 3;
/** Minimum number of heartbeats per idle timeout of the server, so that the server does not close the connection. */
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

/** Reduces `interval` so that a server with this idle timeout (undefined or 0 = none) does not close the connection. */
export function limitInterval(interval: number, idleTimeout: number | undefined): number {
  const longest = Math.round((idleTimeout || Number.POSITIVE_INFINITY) / HEARTBEATS_PER_IDLE_TIMEOUT);
  return Math.min(interval, Math.max(MIN_INTERVAL_MS, longest));
}
