import { chosen } from './metrics.js';

/** Increase per second of a counter, or of the series of a histogram. */
export function perSecond(name: string, ...matchers: string[]): string {
  return `rate(${chosen(name, ...matchers)}[$__rate_interval])`;
}

export function by(labels: string, expression: string): string {
  return `sum by (${labels}) (${expression})`;
}

/** A quantile of a histogram, for each value of `label` or overall. */
export function quantile(part: number, name: string, label?: string): string {
  const labels = label === undefined ? 'le' : `${label}, le`;
  return `histogram_quantile(${part}, ${by(labels, perSecond(`${name}_bucket`))})`;
}

/** The queries of a panel with the quantiles of a histogram. */
export function quantiles(name: string): { expr: string; legend: string }[] {
  return [0.5, 0.9, 0.99].map((part) => ({ expr: quantile(part, name), legend: `${part * 100} %` }));
}

/** The buckets of a histogram, for a heat map. */
export function buckets(name: string): string {
  return by('le', perSecond(`${name}_bucket`));
}
