import type { Histogram } from '../common/histogram.js';
import type { Labels, MetricRow, Source } from './table.js';
import { RowText } from './text.js';

interface Sample {
  metricName?: string;
  labels: Readonly<Record<string, string | number>>;
  value: number;
}

/**
 * One row of the table in the shape that a registry of prom-client takes for a
 * metric. It holds no value of its own: a scrape reads what was counted, so
 * that counting is an addition and nothing of prom-client stands on the way of
 * a PING. (A Histogram of prom-client can only be filled by one observation
 * after another, and its Counters would have to be set back at each scrape.)
 */
export class RowMetric {
  /** A registry of OpenMetrics writes here the name without `_total`, and adds that itself when it prints. */
  name: string;
  readonly help: string;
  readonly type: string;
  /** How a cluster's processes are added up. */
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

  /** What a registry asks for at each scrape. */
  async get(): Promise<object> {
    const { name, help, type, aggregator } = this;
    return { name, help, type, aggregator, values: this.values() };
  }

  /** In Prometheus' text format, without labels that a registry adds. */
  text(): string {
    return this.rowText.write();
  }

  /** What a registry calls to set everything to zero; the counts are the service's own and stay. */
  reset(): void {}

  private values(): Sample[] {
    const { row, source } = this;
    if (row.type !== 'histogram') {
      return Array.from(row.read(source), ([labels, value]) => ({ labels, value }));
    }
    return Array.from(row.read(source), ([labels, histogram]) => distribution(row.name, labels, histogram)).flat();
  }
}

/** A histogram as Prometheus counts it: each bucket holds all the smaller ones too. */
function distribution(name: string, labels: Labels, { bounds, counts, sum }: Histogram): Sample[] {
  let count = 0;
  const buckets = Array.from(counts, (observed, at): Sample => {
    count += observed;
    return { metricName: `${name}_bucket`, labels: { ...labels, le: bounds[at] ?? '+Inf' }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
