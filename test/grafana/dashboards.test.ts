import { describe, expect, it } from '@jest/globals';
import { files } from '../../grafana/source/files.js';
import { chosen, knownMetrics, metricOf, seriesIn } from '../../grafana/source/metrics.js';
import { recordingRules } from '../../grafana/source/recording.js';
import { metricRows } from '../../src/metrics/table.js';

interface Target {
  expr: string;
  legendFormat: string;
  datasource: object;
}

interface Panel {
  id: number;
  type: string;
  title: string;
  description: string;
  gridPos: { x: number; y: number; w: number; h: number };
  fieldConfig: { defaults: { unit?: string; noValue?: string } };
  targets: Target[];
}

interface Dashboard {
  uid: string;
  title: string;
  tags: string[];
  links: { tags: string[]; includeVars: boolean; keepTime: boolean }[];
  templating: { list: { name: string; multi: boolean; includeAll: boolean; query: string | { query: string } }[] };
  panels: Panel[];
}

const dashboards = Object.entries(files)
  .filter(([path]) => path.startsWith('grafana/dashboards/'))
  .map(([path, text]) => [path, JSON.parse(text) as Dashboard] as const);
const panelsOf = (dashboard: Dashboard) => dashboard.panels.filter(({ type }) => type !== 'row');
const allPanels = dashboards.flatMap(([path, dashboard]) =>
  panelsOf(dashboard).map((panel) => [`${path}: ${panel.title}`, panel] as const),
);

describe('a selector', () => {
  it('cannot name a metric or a label that does not exist', () => {
    expect(() => chosen('pongcheck_nothing')).toThrow('there is no metric pongcheck_nothing');
    expect(() => chosen('pongcheck_connections_bucket')).toThrow('there is no metric');
    expect(() => chosen('pongcheck_check_status', 'peer="x"')).toThrow('has no label');
    expect(() => chosen('pongcheck_check_status', 'status=fail')).toThrow('has no label');
    expect(chosen('pongcheck_ping_reply_seconds_bucket', 'le="1"')).toBe(
      'pongcheck_ping_reply_seconds_bucket{job=~"$job", instance=~"$instance", le="1"}',
    );
  });

  it('is found again in an expression, where texts and recorded series are not', () => {
    expect(
      seriesIn(
        'rate(pongcheck_a_total[5m]) / up + job:pongcheck_x:ratio_1h{job="pongcheck_b"} or probe_c{} or 0 * up{}',
      ),
    ).toEqual(['pongcheck_a_total', 'up', 'probe_c']);
  });
});

describe('the dashboards', () => {
  it('are three, at addresses that stay, each linked to the others with what was chosen', () => {
    expect(dashboards.map(([, { uid }]) => uid)).toEqual(['pongcheck-fleet', 'pongcheck-responder', 'pongcheck-probe']);
    for (const [, { tags, links }] of dashboards) {
      expect(tags).toEqual(['pongcheck']);
      expect(links).toEqual([expect.objectContaining({ tags, includeVars: true, keepTime: true })]);
    }
  });

  it.each(dashboards)('%s is chosen by data source, jobs and instances', (_path, { templating, panels }) => {
    const [source, ...targets] = templating.list;
    expect(source).toMatchObject({ name: 'datasource', query: 'prometheus' });
    expect(targets.map(({ name, multi, includeAll }) => [name, multi, includeAll])).toEqual([
      ['job', true, true],
      ['instance', true, true],
    ]);
    const uid = '${datasource}';
    for (const { targets: queries = [] } of panels) {
      for (const { datasource, expr } of queries) {
        expect(datasource).toEqual({ type: 'prometheus', uid });
        expect(expr).toContain('{job=~"$job"');
      }
    }
  });

  it.each(dashboards)('%s has panels with ids of their own that do not lie on each other', (_path, { panels }) => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)} ${y + Math.floor(at / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24);
  });

  it('show every metric of the table', () => {
    const shown = new Set(
      allPanels.flatMap(([, { targets }]) =>
        targets.flatMap(({ expr }) => seriesIn(expr).map((name) => metricOf(name)?.name)),
      ),
    );
    const missing = [...knownMetrics.keys()].filter((name) => !shown.has(name));
    expect(missing).toEqual([]);
    expect(shown.size).toBeGreaterThanOrEqual(metricRows.length);
  });
});

describe('every panel', () => {
  const labels = new Set(['job', 'instance', 'le', ...[...knownMetrics.values()].flatMap((row) => row.labels)]);
  const recorded = new Set(recordingRules.map(({ record }) => record));

  it.each(allPanels)(
    '%s has a unit, says how it is read, and says something where there is nothing',
    (_name, panel) => {
      expect(panel.title).toMatch(/^[A-Z]/);
      expect(panel.description).toMatch(/^[A-Z0-9][^]*\.$/);
      expect(panel.fieldConfig.defaults.unit).toMatch(/^\w+$/);
      expect(panel.fieldConfig.defaults.noValue).toMatch(/^[a-z]/);
      expect(panel.targets.length).toBeGreaterThan(0);
    },
  );

  it.each(allPanels)('%s asks for metrics and labels that exist', (_name, { targets }) => {
    for (const { expr, legendFormat } of targets) {
      const names = seriesIn(expr);
      const rules = expr.match(/\b[a-z_]+:[a-z_]+:\w+/g) ?? [];
      expect(names.length + rules.length).toBeGreaterThan(0);
      expect(names.filter((name) => !metricOf(name))).toEqual([]);
      expect(rules.filter((name) => !recorded.has(name))).toEqual([]);
      const used = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g), ...expr.matchAll(/(?<=\bby \([^)]*)(\w+)/g)];
      expect(used.map(([, label]) => label as string).filter((label) => !labels.has(label))).toEqual([]);
    }
  });
});
