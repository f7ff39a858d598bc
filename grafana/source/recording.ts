import { all } from './metrics.js';

/** Targets that are responders, by the name of their job; those that a prober asks have others. */
export const RESPONDERS = ['job=~"pongcheck.*"', 'job!~".*probe.*"'];

/** The part of the time in which a responder is to be ready. */
export const OBJECTIVE = 0.999;

/** Windows over which the error budget is watched. */
export const windows = ['5m', '30m', '1h', '2h', '6h', '1d', '3d'] as const;
export type Window = (typeof windows)[number];
/** Those that a dashboard shows. */
export const burnRates: readonly Window[] = ['5m', '1h', '6h', '3d'];

export const ready = 'job_instance:pongcheck_ready:bool';
export const unreadyRatio = (window: Window): string => `job:pongcheck_unready:ratio_${window}`;

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

const isReady = all('pongcheck_group_status', 'group="readiness"', 'status=~"pass|warn|draining"');

/**
 * Ready is who says so, and who drains: that is planned, and told to everyone.
 * Who cannot be scraped is not ready.
 */
export const recordingRules: readonly RecordingRule[] = [
  {
    record: ready,
    expr: `max by (job, instance) (${isReady})\n  or max by (job, instance) (0 * ${all('up', ...RESPONDERS)})`,
  },
  ...windows.map((window) => ({
    record: unreadyRatio(window),
    expr: `1 - avg by (job) (avg_over_time(${ready}[${window}]))`,
  })),
];
