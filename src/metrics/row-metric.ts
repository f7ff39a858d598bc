import type { Histogram } from '../common/histogram.js';
import type { Labels, MetricRow, Source } from './table.js';
import { RowText } from './text.js';

interface Sample {
  metricName?: string;
  labels: Readonly<Record<string, string | number>>;
  value: number;
}

/**
 * One row of the table in the form of a prom-client metric. It stores no value: a scrape reads the counters of the
 * service, so that a PING increments a number and does not call prom-client. (A prom-client Histogram accepts only
 * single observations, and its Counters would have to be reset on each scrape.)
 */
export class RowMetric {
  /** Mutable, because an OpenMetrics registry removes `_total` here and adds it again in its output. */
  name: string;
  readonly help: string;
  readonly type: string;
  /** How prom-client aggregates over the processes of a cluster. */
  readonly aggregator = 'sum';

  private readonly rowText: RowText;

  constructor(
    private readonly row: MetricRow,
    private readonly source: Source,
  ) {
    this.rowText = new RowText(row, source);
    this.name = row.name;
    this.help = row.help;
    this.type = row.type;
  }

  /** The registry calls this method on each scrape. */
  async get(): Promise<object> {
    const { name, help, type, aggregator } = this;
    return { name, help, type, aggregator, values: this.values() };
  }

  /** The metric in the Prometheus text format, without the default labels of a registry. */
  text(): string {
    return this.rowText.write();
  }

  /** `registry.resetMetrics()` calls this method. The counters belong to the service and are not reset. */
  reset(): void {}

  private values(): Sample[] {
    const { row, source } = this;
    if (row.type !== 'histogram') {
      return Array.from(row.read(source), ([labels, value]) => ({ labels, value }));
    }
    return Array.from(row.read(source), ([labels, histogram]) => distribution(row.name, labels, histogram)).flat();
  }
}

/** Samples of a histogram, with cumulative buckets as in Prometheus. */
function distribution(name: string, labels: Labels, { bounds, counts, sum }: Histogram): Sample[] {
  let count = 0;
  const buckets = Array.from(counts, (observed, index): Sample => {
    count += observed;
    return { metricName: `${name}_bucket`, labels: { ...labels, le: bounds[index] ?? '+Inf' }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
