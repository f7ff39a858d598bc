import type { FileSettings } from '../../config/settings.js';
import { defaultKeepAlive } from '../../net/keep-alive.js';
import { formatDuration } from '../../options/duration.js';

/** Which of the three ways to find a dead peer are on, each with its worst case, a line each. */
export function describeLivenessSettings({ listen, heartbeat }: FileSettings): string[] {
  return [...idleSweep(listen, heartbeat), serverPings(heartbeat), ...keepAlive(listen)];
}

function idleSweep(listen: FileSettings['listen'], { idleTimeout }: FileSettings['heartbeat']): string[] {
  const limits = [...new Set(listen.map((listener) => listener.idleTimeout ?? idleTimeout))];
  return limits.map((limit) =>
    limit === 0
      ? 'idle timeout: off'
      : `idle timeout: a peer that is silent for ${formatDuration(limit)} is closed, dead or not`,
  );
}

function serverPings({ pingInterval, maxPingsOut }: FileSettings['heartbeat']): string {
  if (pingInterval === 0) return 'PINGs of the server: off';
  const every = `PINGs of the server: every ${formatDuration(pingInterval)} to clients that ask for them in HELLO`;
  if (maxPingsOut === 0) return `${every}; nobody is closed for not answering`;
  return `${every}; a dead one is found within ${formatDuration((maxPingsOut + 1) * pingInterval)}`;
}

function keepAlive(listen: FileSettings['listen']): string[] {
  const on = listen.filter((listener) => listener.keepAlive);
  if (on.length === 0) return ['TCP keep-alive: off'];
  return on.map(({ url, keepAlive: given }) => {
    const { idle, interval, count } = { ...defaultKeepAlive, ...given };
    const worst = formatDuration(idle + interval * count);
    return `TCP keep-alive at ${url}: a host that is gone is found within ${worst}; a process that hangs is not`;
  });
}
