import type { Metric, Registry } from 'prom-client';
import { PongcheckError } from '../common/errors.js';
import { RowMetric } from './row-metric.js';
import { metricRows, type Source } from './table.js';

export interface MetricsOptions extends Source {
  /** The registry that the metrics join. Nothing else is added to it, no default metrics either. */
  register: Registry;
}

/** The metrics of one service in a registry. */
export interface Metrics {
  /** Takes them out of the registry again; what others put there stays. */
  close(): void;
}

/**
 * Puts every row of the table into a registry, which reads them when it is
 * scraped.
 *
 * @throws PongcheckError `PONGCHECK_METRICS` where the registry has a metric of
 *   such a name already; then nothing has been added to it.
 */
export function createMetrics({ register, ...source }: MetricsOptions): Metrics {
  const taken = metricRows.find(({ name }) => register.getSingleMetric(name));
  if (taken) {
    throw new PongcheckError(
      'PONGCHECK_METRICS',
      `the registry has a metric ${taken.name} already: each service in a process needs a registry of its own`,
    );
  }
  // prom-client's type lists its own classes; what its registries ask for is this shape.
  const metrics = metricRows.map((row) => new RowMetric(row, source) as unknown as Metric);
  for (const metric of metrics) register.registerMetric(metric);
  return {
    close: () => {
      for (const [at, { name }] of metricRows.entries()) {
        if (register.getSingleMetric(name) === metrics[at]) register.removeSingleMetric(name);
      }
    },
  };
}

/** What `register.metrics()` gives, with our own metrics written faster where it adds no labels and speaks the text format. */
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
