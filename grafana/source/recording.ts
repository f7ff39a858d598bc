import { all } from './metrics.js';

/** The part of the time in which a responder is to be ready. */
export const OBJECTIVE = 0.999;

/** What makes a service of targets; empty where there are no namespaces. */
export const SERVICE = 'job, namespace';

/** Windows over which the error budget is watched, with their minutes. */
export const windows = { '5m': 5, '30m': 30, '1h': 60, '2h': 120, '6h': 360, '1d': 1440, '3d': 4320 } as const;
export type Window = keyof typeof windows;
/** Those that a dashboard shows. */
export const burnRates: readonly Window[] = ['5m', '1h', '6h', '3d'];

export const target = 'job_instance:pongcheck_target:bool';
const ready = 'job_instance:pongcheck_ready:bool';
const unready = 'job:pongcheck_unready:ratio';
export const unreadyRatio = (window: Window): string => `${unready}_${window}`;

/** In how many minutes of a window a service was not ready, in part or for a part of them. */
export const unreadyMinutes = (window: Window): string =>
  `count_over_time((max_over_time(${unready}[1m]) > 0)[${window}:1m])`;

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

const labels = `${SERVICE}, instance`;
const isReady = all('pongcheck_group_status', 'group="readiness"', 'status=~"pass|warn|draining"');

export const recordingRules: readonly RecordingRule[] = [
  {
    // A target that is down stays what it was within the last hour, by this very rule, until it answers or leaves discovery.
    record: target,
    expr: [
      `group by (${labels}) (${all('pongcheck_build_info')})`,
      `or group by (${labels}) (${all('up')} == 0 and on (job, instance) last_over_time(${target}[1h]))`,
      `or group by (${labels}) (${all('up', 'job=~"pongcheck.*"', 'job!~".*probe.*"')} == 0)`,
    ].join('\n  '),
  },
  {
    // A drain is planned, and every client is told of it; a target that cannot be scraped is not ready.
    record: ready,
    expr: `max by (${labels}) (${isReady})\n  or 0 * ${target}`,
  },
  {
    record: unready,
    expr: `1 - avg by (${SERVICE}) (${ready})`,
  },
  // The minutes of a window of which nothing is known count as good: else the first sample would be all that there is.
  ...Object.entries(windows).map(([window, minutes]) => ({
    record: unreadyRatio(window as Window),
    expr: `sum_over_time(avg_over_time(${unready}[1m])[${window}:1m]) / ${minutes}`,
  })),
];
