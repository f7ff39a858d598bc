import type { Metric, Registry } from 'prom-client';
import { PongcheckError } from '../common/errors.js';
import { RowMetric } from './row-metric.js';
import { metricRows, type Source } from './table.js';

export interface MetricsOptions extends Source {
  /** The registry to which the metrics are added. Default metrics of prom-client are not added. */
  register: Registry;
}

/** The metrics of one service, in a registry. */
export interface Metrics {
  /** Removes these metrics from the registry. Metrics of the application stay. */
  close(): void;
}

/**
 * Adds all metrics to a registry, which reads their values on each scrape.
 *
 * @throws PongcheckError `PONGCHECK_METRICS` if the registry already contains a metric of the same name. No metric is
 * added in that case.
 */
export function createMetrics(source: MetricsOptions): Metrics {
  const { register } = source;
  const duplicate = metricRows.find(({ name }) => register.getSingleMetric(name));
  if (duplicate) {
    throw new PongcheckError(
      'PONGCHECK_METRICS',
      `the registry already has a metric ${duplicate.name}: each service in a process needs a separate registry`,
    );
  }
  // The types of prom-client require its own classes, but its registries use only these members.
  const metrics = metricRows.map((row) => new RowMetric(row, source) as unknown as Metric);
  for (const metric of metrics) register.registerMetric(metric);
  return {
    close: () => {
      for (const [index, { name }] of metricRows.entries()) {
        if (register.getSingleMetric(name) === metrics[index]) register.removeSingleMetric(name);
      }
    },
  };
}

/**
 * Equivalent to `register.metrics()`. Faster for the metrics of this package if the registry adds no labels and uses
 * the text format.
 */
export async function metricsText(register: Registry): Promise<string> {
  const metrics = register.getMetricsAsArray() as unknown as (RowMetric | { readonly name: string })[];
  const first = metrics.find((metric) => metric instanceof RowMetric);
  const isPlain = register.contentType.startsWith('text/plain');
  if (!first || !isPlain || (await register.getSingleMetricAsString(first.name)) !== first.text())
    return register.metrics();
  const texts = metrics.map((metric) =>
    metric instanceof RowMetric ? metric.text() : register.getSingleMetricAsString(metric.name),
  );
  return `${(await Promise.all(texts)).join('\n\n')}\n`;
}
