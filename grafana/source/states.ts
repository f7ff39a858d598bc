import type { ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard';
import { MappingType } from '@grafana/grafana-foundation-sdk/dashboard';
import type { State } from '../../src/health/state.js';

/** Number and color of each status. Worse check states have higher numbers, so the maximum is the worst state. */
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
 * Converts one-hot series to one number per series. `select` returns the series of a status, `by` are the labels to keep.
 */
export function statusNumber(select: (status: string) => string, statuses: readonly State[], by: string): string {
  const terms = statuses.map((status) => {
    const { value } = drawn.find(({ text }) => text === status) as (typeof drawn)[number];
    return `${value} * (${select(`status="${status}"`)} == 1)`;
  });
  return `max by (${by}) (${terms.join(' or ')})`;
}

/** Adds the targets that could not be scraped to status numbers. */
export function orDown(numbers: string, up: string): string {
  return `${numbers} or on (job, instance) (${up} == 0)`;
}
