import { MAX_MS, milliseconds, wrongOption } from '../options.js';

/** When to PING, and when the server is dead. Times in milliseconds. */
export interface HeartbeatSettings {
  /** Silence in one direction after which a PING is due, jittered by 0 to -25 %. 10 or more. */
  interval: number;
  /** Unanswered PINGs with which the server is dead when the next is due; 0 = never. Default 3, or 0 where `timeout` is given. */
  maxPingsOut?: number;
  /** The server is dead when nothing has come for so long after a PING; 0 = never. Default 0. */
  timeout?: number;
}

/** A dead server is found within 30 to 40 s (default) or 6.75 to 9 s (strict), less the jitter. */
export const heartbeatPresets = {
  default: { interval: 10_000, maxPingsOut: 3 },
  strict: { interval: 2250, maxPingsOut: 3 },
} as const satisfies Record<string, HeartbeatSettings>;

/** No server can make a client beat faster than this, in milliseconds. */
export const SHORTEST_INTERVAL = 10;
const MAX_PINGS_OUT = 3;
const MOST_PINGS_OUT = 1000;

/** The settings with their defaults. Throws PONGCHECK_CONFIG. */
export function heartbeatSettings(
  given: keyof typeof heartbeatPresets | HeartbeatSettings,
): Required<HeartbeatSettings> {
  const settings: HeartbeatSettings | undefined = typeof given === 'string' ? heartbeatPresets[given] : given;
  const interval = settings?.interval;
  if (typeof interval !== 'number' || !(interval >= SHORTEST_INTERVAL && interval <= MAX_MS)) {
    const allowed = `${Object.keys(heartbeatPresets).join(', ')}, or { interval } of ${SHORTEST_INTERVAL} ms or more`;
    throw wrongOption('heartbeat', given, allowed);
  }
  const timeout = milliseconds('heartbeat.timeout', settings?.timeout ?? 0);
  const { maxPingsOut = timeout > 0 ? 0 : MAX_PINGS_OUT } = settings ?? {};
  if (!Number.isInteger(maxPingsOut) || maxPingsOut < 0 || maxPingsOut > MOST_PINGS_OUT) {
    throw wrongOption('heartbeat.maxPingsOut', maxPingsOut, `0 to ${MOST_PINGS_OUT}`);
  }
  return { interval, maxPingsOut, timeout };
}
