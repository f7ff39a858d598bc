import { all } from './metrics.js';

/** Fraction of time during which a responder should be ready. */
export const OBJECTIVE = 0.999;

/** Labels that identify a service; the namespace may be empty. */
export const SERVICE = 'job, namespace';

/** Error budget windows, in minutes. */
export const windows = { '5m': 5, '30m': 30, '1h': 60, '2h': 120, '6h': 360, '1d': 1440, '3d': 4320 } as const;
export type Window = keyof typeof windows;
/** The windows on the dashboard. */
export const burnRates: readonly Window[] = ['5m', '1h', '6h', '3d'];
/** The availability windows on the dashboard. */
export const availabilities: readonly Window[] = ['1h', '1d', '3d'];

export const target = 'job_instance:pongcheck_target:bool';
const ready = 'job_instance:pongcheck_ready:bool';
const unready = 'job:pongcheck_unready:ratio';
export const unreadyRatio = (window: Window): string => `${unready}_${window}`;

/** Number of minutes in a window during which a service was at least partly not ready. */
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
    // Through this rule itself, a target that is down remains a target for up to 1 h after its last successful scrape.
    record: target,
    expr: [
      `group by (${labels}) (${all('pongcheck_build_info')})`,
      `or group by (${labels}) (${all('up')} == 0 and on (job, instance) last_over_time(${target}[1h]))`,
      `or group by (${labels}) (${all('up', 'job=~"pongcheck.*"', 'job!~".*probe.*"')} == 0)`,
    ].join('\n  '),
  },
  {
    // Draining counts as ready, because it is planned and clients are notified. A target that cannot be scraped is not ready.
    record: ready,
    expr: `max by (${labels}) (${isReady})\n  or 0 * ${target}`,
  },
  {
    record: unready,
    expr: `1 - avg by (${SERVICE}) (${ready})`,
  },
  // Minutes without data count as ready. Otherwise, the first sample would determine the whole window.
  ...Object.entries(windows).map(([window, minutes]) => ({
    record: unreadyRatio(window as Window),
    expr: `sum_over_time(avg_over_time(${unready}[1m])[${window}:1m]) / ${minutes}`,
  })),
];
