import type { FileSettings } from '../../config/settings.js';
import { defaultKeepAlive } from '../../net/keep-alive.js';
import { formatDuration } from '../../options/duration.js';

/** Describes the three mechanisms that detect dead peers, with one line and the worst-case detection time for each. */
export function describeLivenessSettings({ listen, heartbeat }: FileSettings): string[] {
  return [...idleSweep(listen, heartbeat), serverPings(heartbeat), ...keepAlive(listen)];
}

function idleSweep(listen: FileSettings['listen'], { idleTimeout }: FileSettings['heartbeat']): string[] {
  const limits = [...new Set(listen.map((listener) => listener.idleTimeout ?? idleTimeout))];
  return limits.map((limit) =>
    limit === 0
      ? 'idle timeout: off'
      : `idle timeout: connections without data for ${formatDuration(limit)} are closed`,
  );
}

function serverPings({ pingInterval, maxPingsOut }: FileSettings['heartbeat']): string {
  if (pingInterval === 0) return 'server heartbeats: off';
  const every = `server heartbeats: every ${formatDuration(pingInterval)}, for clients that request them in HELLO`;
  if (maxPingsOut === 0) return `${every}; connections with unanswered PINGs are not closed`;
  return `${every}; a dead client is detected within ${formatDuration((maxPingsOut + 1) * pingInterval)}`;
}

function keepAlive(listen: FileSettings['listen']): string[] {
  const on = listen.filter((listener) => listener.keepAlive);
  if (on.length === 0) return ['TCP keep-alive: off'];
  return on.map(({ url, keepAlive: given }) => {
    const { idle, interval, count } = { ...defaultKeepAlive, ...given };
    const worst = formatDuration(idle + interval * count);
    return `TCP keep-alive on ${url}: a lost host is detected within ${worst}; a hung process is not detected`;
  });
}
