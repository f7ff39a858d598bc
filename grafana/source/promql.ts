import { chosen, chosenChecks } from './metrics.js';

/** Increase per second of a counter, or of the series of a histogram. */
export function perSecond(name: string, ...matchers: string[]): string {
  return `rate(${chosen(name, ...matchers)}[$__rate_interval])`;
}

/** Same as `perSecond`, limited to the selected checks. */
export function perSecondOfChecks(name: string): string {
  return `rate(${chosenChecks(name)}[$__rate_interval])`;
}

export function by(labels: string, expression: string): string {
  return `sum by (${labels}) (${expression})`;
}

/** The queries of a panel that shows quantiles of a histogram. */
export function quantiles(name: string): { expr: string; legend: string }[] {
  return [0.5, 0.9, 0.99].map((part) => ({
    expr: `histogram_quantile(${part}, ${buckets(name)})`,
    legend: `${part * 100} %`,
  }));
}

/** The buckets of a histogram, for a heat map. */
export function buckets(name: string): string {
  return by('le', perSecond(`${name}_bucket`));
}
