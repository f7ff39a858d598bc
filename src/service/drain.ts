import type { Clock } from '../common/clock.js';
import type { DrainTimes } from '../options/settings.js';
import type { PingServer } from '../server/ping-server.js';

/** Interval at which a drain checks whether all connections are closed, in milliseconds. */
const DRAIN_CHECK_INTERVAL_MS = 50;
/** Any value works, because the timer only keeps the process alive. */
const KEEP_ALIVE_INTERVAL_MS = 60_000;

/**
 * Sends GOAWAY. Resolves at the end of the grace period, when no connection is left after the delay, or when
 * `isStopping` becomes true.
 */
export async function drainConnections(
  server: Pick<PingServer, 'goaway' | 'stats'>,
  { grace, delay }: DrainTimes,
  clock: Clock,
  isStopping: () => boolean,
): Promise<void> {
  const release = keepProcessAlive();
  const startedAt = clock.now();
  const elapsed = () => clock.now() - startedAt;
  await server.goaway(grace);
  const isDrained = () => elapsed() >= grace || (elapsed() >= delay && server.stats.open === 0);
  while (!isDrained() && !isStopping()) {
    // Not later than the end of the grace, because GOAWAY states when clients may reconnect.
    const ms = Math.min(DRAIN_CHECK_INTERVAL_MS, grace - elapsed());
    await new Promise<void>((resolve) => clock.after(ms, resolve));
  }
  release();
}

/**
 * Keeps the process alive until the returned function is called. `Clock` timers do not keep it alive, so the process
 * would exit before such a timer fires if nothing else is open.
 */
export function keepProcessAlive(): () => void {
  const timer = setInterval(() => {}, KEEP_ALIVE_INTERVAL_MS);
  return () => clearInterval(timer);
}
