import { chosen } from './metrics.js';

/** Increase a second of a counter, or of the parts of a histogram. */
export function perSecond(name: string, ...matchers: string[]): string {
  return `rate(${chosen(name, ...matchers)}[$__rate_interval])`;
}

export function by(labels: string, expression: string): string {
  return `sum by (${labels}) (${expression})`;
}

/** The value below which this part of the observations of a histogram lies; for each value of `label`, or of all together. */
export function quantile(part: number, name: string, label?: string): string {
  const labels = label === undefined ? 'le' : `${label}, le`;
  return `histogram_quantile(${part}, ${by(labels, perSecond(`${name}_bucket`))})`;
}

/** The lines of a panel that shows how a histogram lies. */
export function quantiles(name: string): { expr: string; legend: string }[] {
  return [0.5, 0.9, 0.99].map((part) => ({ expr: quantile(part, name), legend: `${part * 100} %` }));
}

/** How observations of a histogram spread, for a heat map. */
export function buckets(name: string): string {
  return by('le', perSecond(`${name}_bucket`));
}
