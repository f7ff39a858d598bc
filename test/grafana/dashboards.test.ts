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
  /** Rows only. */
  collapsed?: boolean;
  panels?: Panel[];
  fieldConfig: { defaults: { unit?: string; noValue?: string; links?: { url: string }[] } };
  targets: Target[];
}

interface Annotation {
  name: string;
  datasource: object;
  target: { expr: string };
  titleFormat: string;
  textFormat: string;
  useValueForTime: boolean;
}

interface Dashboard {
  uid: string;
  title: string;
  tags: string[];
  links: { tags: string[]; includeVars: boolean; keepTime: boolean }[];
  templating: { list: { name: string; multi: boolean; includeAll: boolean; query: string | { query: string } }[] };
  annotations: { list: Annotation[] };
  panels: Panel[];
}

const dashboards = Object.entries(files)
  .filter(([path]) => path.startsWith('grafana/dashboards/'))
  .map(([path, text]) => [path, JSON.parse(text) as Dashboard] as const);
/** Includes the panels of collapsed rows, which are nested in their row. */
const everyPanel = ({ panels }: Dashboard) => panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
const panelsOf = (dashboard: Dashboard) => everyPanel(dashboard).filter(({ type }) => type !== 'row');
const responder = dashboards.find(([path]) => path.includes('responder'))?.[1] as Dashboard;

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

  it('is found in an expression, in which texts and recorded series are ignored', () => {
    expect(
      seriesIn(
        'rate(pongcheck_a_total[5m]) / up + job:pongcheck_x:ratio_1h{job="pongcheck_b"} or probe_c{} or 0 * up{}',
      ),
    ).toEqual(['pongcheck_a_total', 'up', 'probe_c']);
  });
});

describe('the dashboards', () => {
  it('are three, with stable addresses, and link to each other with the selection', () => {
    expect(dashboards.map(([, { uid }]) => uid)).toEqual(['pongcheck-fleet', 'pongcheck-responder', 'pongcheck-probe']);
    for (const [, { tags, links }] of dashboards) {
      expect(tags).toEqual(['pongcheck']);
      expect(links).toEqual([expect.objectContaining({ tags, includeVars: true, keepTime: true })]);
    }
  });

  it.each(dashboards)('%s can be filtered by data source, job and instance', (_path, dashboard) => {
    const [source, ...targets] = dashboard.templating.list;
    expect(source).toMatchObject({ name: 'datasource', query: 'prometheus' });
    expect(targets.map(({ name, multi, includeAll }) => [name, multi, includeAll])).toEqual([
      ['job', true, true],
      ['instance', true, true],
      ...(dashboard === responder ? [['check', true, true]] : []),
    ]);
    const uid = '${datasource}';
    for (const { targets: queries } of panelsOf(dashboard)) {
      for (const { datasource, expr } of queries) {
        expect(datasource).toEqual({ type: 'prometheus', uid });
        expect(expr).toContain('{job=~"$job"');
      }
    }
  });

  it('allow filtering the responder by check, for each series of a check', () => {
    const filtered = panelsOf(responder).flatMap(({ targets }) => targets.map(({ expr }) => expr));
    const [mark] = responder.annotations.list;
    for (const expr of [...filtered, mark?.target.expr ?? '']) {
      for (const [, name = '', matchers = ''] of expr.matchAll(/(\w+)\{([^}]*)\}/g)) {
        expect([name, matchers.includes('check=~"$check"')]).toEqual([name, metricOf(name)?.labels.includes('check')]);
      }
    }
    for (const [, other] of dashboards.filter(([, { uid }]) => uid !== responder.uid)) {
      expect(JSON.stringify(other)).not.toContain('$check');
    }
  });

  it('mark the status changes of the selected checks at the time that the responder reports', () => {
    expect(responder.annotations.list).toEqual([
      expect.objectContaining({
        name: 'Status changes',
        datasource: { type: 'prometheus', uid: '${datasource}' },
        titleFormat: '{{check}}: {{status}}',
        useValueForTime: true,
      }),
    ]);
    const names = seriesIn(responder.annotations.list[0]?.target.expr as string);
    expect(names).toEqual(['pongcheck_check_state_since_timestamp_seconds', 'pongcheck_check_status']);
  });

  it('link from a check of the fleet to its responder, with the check selected', () => {
    const fleet = dashboards.find(([path]) => path.includes('fleet'))?.[1] as Dashboard;
    const table = panelsOf(fleet).find(({ title }) => title === 'Checks not passing');
    const [link] = table?.fieldConfig.defaults.links ?? [];
    expect(link?.url).toContain('/d/pongcheck-responder?');
    for (const name of ['job', 'instance', 'check']) {
      expect(link?.url).toContain(`var-${name}=\${__data.fields.${name}}`);
    }
  });

  it.each(dashboards)('%s has panels with unique ids that do not overlap', (_path, dashboard) => {
    const ids = everyPanel(dashboard).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const cellsOf = (panels: readonly Panel[]) =>
      panels.flatMap(({ gridPos: { x, y, w, h } }) =>
        Array.from({ length: w * h }, (_, at) => `${x + (at % w)} ${y + Math.floor(at / w)}`),
      );
    for (const panels of [dashboard.panels, ...dashboard.panels.map((row) => row.panels ?? [])]) {
      const cells = cellsOf(panels);
      expect(new Set(cells).size).toBe(cells.length);
    }
    expect(Math.max(...everyPanel(dashboard).map(({ gridPos: { x, w } }) => x + w))).toBe(24);
  });

  it.each(dashboards)('%s begins with open rows, and a collapsed row contains its panels', (_path, { panels }) => {
    const rows = panels.filter(({ type }) => type === 'row');
    expect(rows[0]?.collapsed).toBe(false);
    for (const [at, row] of rows.entries()) {
      const next = rows[at + 1];
      const inside = row.panels ?? [];
      expect(inside.length > 0).toBe(row.collapsed);
      if (!row.collapsed) continue;
      // Positions are as Grafana saves them: the next row follows directly.
      if (next) expect(next.gridPos.y).toBe(row.gridPos.y + 1);
      expect(Math.min(...inside.map(({ gridPos }) => gridPos.y))).toBe(row.gridPos.y + 1);
    }
  });

  it('collapse the secondary rows of the responder', () => {
    const rows = responder.panels.filter(({ type }) => type === 'row');
    const open = rows.filter(({ collapsed }) => !collapsed).map(({ title }) => title);
    expect(open).toEqual(['Status', 'Availability', 'Checks', 'PINGs']);
    expect(rows.length).toBeGreaterThan(open.length);
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

  it.each(allPanels)('%s has a unit, a description, and a text for missing data', (_name, panel) => {
    expect(panel.title).toMatch(/^([A-Z]|gRPC )/);
    expect(panel.title).not.toMatch(/pongcheck|_|^More$/);
    expect(panel.description).toMatch(/^[A-Z0-9][^]*\.$/);
    expect(panel.description).not.toMatch(/^By /);
    expect(panel.fieldConfig.defaults.unit).toMatch(/^\w+$/);
    expect(panel.fieldConfig.defaults.noValue).toMatch(/^[a-z]/);
    expect(panel.targets.length).toBeGreaterThan(0);
  });

  it.each(allPanels)('%s uses metrics and labels that exist', (_name, { targets }) => {
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
