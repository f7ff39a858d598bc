import { type MetricRow, metricRows } from '../../src/metrics/table.js';
import { probeRows } from './probe-table.js';
import { processRows } from './process-table.js';

export type KnownMetric = Pick<MetricRow, 'name' | 'type' | 'help' | 'labels'>;

/** Labels that Prometheus adds to every scraped series. */
const TARGET_LABELS = ['job', 'instance'];

/** The metric that Prometheus itself records for each target. */
const ofPrometheus: KnownMetric = {
  name: 'up',
  type: 'gauge',
  help: '1 if the last scrape of a target succeeded, 0 otherwise.',
  labels: [],
};

/** Every metric that a panel or a rule may query, by name. */
export const knownMetrics: ReadonlyMap<string, KnownMetric> = new Map(
  [...metricRows, ...processRows, ...probeRows, ofPrometheus].map((row) => [row.name, row]),
);

const nameForm = /(?<![:\w])(?:up|(?:pongcheck|probe|process)_[a-z_]+)(?![:\w])/g;

/** The row of a metric, or of the histogram that a series belongs to. */
export function metricOf(series: string): KnownMetric | undefined {
  const known = knownMetrics.get(series);
  if (known) return known;
  const histogram = knownMetrics.get(series.replace(/_(bucket|sum|count)$/, ''));
  return histogram?.type === 'histogram' ? histogram : undefined;
}

/** The names of the scraped series in an expression. Recorded series have a colon and are not included. */
export function seriesIn(expression: string): string[] {
  const withoutTexts = expression.replaceAll(/"[^"]*"/g, '""');
  return [...new Set(withoutTexts.match(nameForm))];
}

/** A selector such as `pongcheck_check_status{job=~"$job", status="fail"}`. Throws for an unknown metric or label. */
function selector(name: string, matchers: readonly string[]): string {
  const row = metricOf(name);
  if (!row) throw new Error(`there is no metric ${name}`);
  const allowed = [...TARGET_LABELS, ...row.labels, ...(name.endsWith('_bucket') ? ['le'] : [])];
  for (const matcher of matchers) {
    const [, label = ''] = /^([a-z_]+)(?:=~|!~|!=|=)"[^"]*"$/.exec(matcher) ?? [];
    if (!allowed.includes(label)) throw new Error(`${name} has no label for ${matcher}`);
  }
  return matchers.length === 0 ? name : `${name}{${matchers.join(', ')}}`;
}

/** Series of the jobs and instances selected on a dashboard. */
export function chosen(name: string, ...matchers: string[]): string {
  return selector(name, ['job=~"$job"', 'instance=~"$instance"', ...matchers]);
}

/** Same as `chosen`, limited to the selected checks. Only for dashboards with the variable `check`. */
export function chosenChecks(name: string, ...matchers: string[]): string {
  return chosen(name, 'check=~"$check"', ...matchers);
}

/** Series of every target, for rules. */
export function all(name: string, ...matchers: string[]): string {
  return selector(name, matchers);
}
