import type { Log } from '../common/log.js';
import type { PastTransition } from '../health/query/recent-transitions.js';
import type { Stall } from '../threads/loop-monitor.js';

/** Logs one line about an event loop stall. */
export function logStall({ since, duration, scopes }: Stall, log: Log): void {
  const fields = { seconds: seconds(duration), since: new Date(since).toISOString() };
  log.warn(
    fields,
    `the event loop was blocked for ${fields.seconds} s, since ${fields.since}: ${scopes.join(' and ')} reported fail`,
  );
}

/** The transitions that clients of PING threads have seen. They have the name that reports use for the event loop. */
export function transitionsOf({ since, failedAt, endedAt, duration }: Stall): PastTransition[] {
  const eventLoop = { of: 'check', name: 'event-loop' } as const;
  return [
    {
      ...eventLoop,
      from: 'pass',
      to: 'fail',
      reason: 'loop-blocked',
      output: `the event loop has been blocked since ${new Date(since).toISOString()}`,
      time: new Date(failedAt),
    },
    {
      ...eventLoop,
      from: 'fail',
      to: 'pass',
      output: `the event loop was blocked for ${seconds(duration)} s`,
      time: new Date(endedAt),
    },
  ];
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
