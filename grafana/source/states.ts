import type { ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard';
import { MappingType } from '@grafana/grafana-foundation-sdk/dashboard';
import type { State } from '../../src/health/state.js';

/** How a status is drawn. The highest number is the worst of what a check can be, so that a maximum tells the truth. */
const drawn: readonly { text: State | 'down'; value: number; color: string }[] = [
  { text: 'down', value: 0, color: 'dark-red' },
  { text: 'pass', value: 1, color: 'green' },
  { text: 'warn', value: 2, color: 'yellow' },
  { text: 'unknown', value: 3, color: 'purple' },
  { text: 'fail', value: 4, color: 'red' },
  { text: 'draining', value: 5, color: 'blue' },
  { text: 'starting', value: 6, color: 'light-blue' },
  { text: 'not-found', value: 7, color: 'gray' },
];

export const statusMappings: ValueMapping[] = [
  {
    type: MappingType.ValueToText,
    options: Object.fromEntries(drawn.map(({ text, value, color }, index) => [String(value), { text, color, index }])),
  },
];

/**
 * One number a series instead of one series a status: `select` makes the
 * one-hot series of a status, `by` are the labels that stay.
 */
export function statusNumber(select: (status: string) => string, statuses: readonly State[], by: string): string {
  const terms = statuses.map((status) => {
    const { value } = drawn.find(({ text }) => text === status) as (typeof drawn)[number];
    return `${value} * (${select(`status="${status}"`)} == 1)`;
  });
  return `max by (${by}) (${terms.join(' or ')})`;
}

/** Adds those that Prometheus could not scrape to numbers of statuses. */
export function orDown(numbers: string, up: string): string {
  return `${numbers} or on (job, instance) (${up} == 0)`;
}
