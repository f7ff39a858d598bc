import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { datasource } from './panels.js';

const TAG = 'pongcheck';

export interface Row {
  readonly title: string;
  readonly panels: readonly Builder<Panel>[];
  /** Whether the row is collapsed initially. Its panels are queried once it is expanded. Default: false. */
  readonly collapsed?: boolean;
}

/** Annotations in all panels. */
export interface Marks {
  readonly name: string;
  /** The times to mark, in milliseconds since 1970. */
  readonly expr: string;
  readonly title: string;
  readonly text: string;
}

export interface DashboardText {
  /** Must not change: links refer to it. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** A metric of every target, for the variables `job` and `instance`. */
  readonly known: string;
  /** Further variables: name, label, and a query that returns the values. */
  readonly variables?: readonly (readonly [name: string, label: string, query: string])[];
  readonly marks?: Marks;
}

/** A dashboard with the common variables, links and settings. */
export function dashboard(
  { uid, title, description, known, variables = [], marks }: DashboardText,
  rows: readonly Row[],
): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([TAG])
    .editable()
    .refresh('30s')
    .time({ from: 'now-1h', to: 'now' })
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      new DashboardLinkBuilder('pongcheck')
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(false)
        .includeVars(true)
        .keepTime(true),
    )
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(targetVariable('job', 'Job', `label_values(${known}, job)`))
    .withVariable(targetVariable('instance', 'Instance', `label_values(${known}{job=~"$job"}, instance)`));
  for (const variable of variables) builder.withVariable(targetVariable(...variable).allValue('.*'));
  if (marks) builder.annotation(annotation(marks));
  for (const { title: heading, panels, collapsed = false } of rows) {
    const row = new RowBuilder(heading).collapsed(collapsed);
    if (collapsed) for (const panel of panels) row.withPanel(panel);
    builder.withRow(row);
    if (!collapsed) for (const panel of panels) builder.withPanel(panel);
  }
  return numbered(closed(builder.build()));
}

function annotation({ name, expr, title, text }: Marks): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder()
    .name(name)
    .datasource(datasource)
    .enable(true)
    .iconColor('orange')
    .target(new DataqueryBuilder().expr(expr).interval('15s').refId('Anno'))
    .titleFormat(title)
    .textFormat(text)
    .useValueForTime(true);
}

function targetVariable(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(datasource)
    .query({ qryType: 1, query, refId: `variable-${name}` })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.NaturalAsc)
    .multi(true)
    .includeAll(true)
    .current({ selected: true, text: ['All'], value: ['$__all'] });
}

/** Moves panels up by the height of the collapsed rows above them, as Grafana saves them. */
function closed(built: Dashboard): Dashboard {
  let hidden = 0;
  for (const panel of built.panels ?? []) {
    const inside = 'panels' in panel ? panel.panels : [];
    const places = [panel, ...inside].flatMap(({ gridPos }) => (gridPos ? [gridPos] : []));
    const below = Math.max(...places.map(({ y, h }) => y + h));
    const own = panel.gridPos ? panel.gridPos.y + panel.gridPos.h : 0;
    for (const place of places) place.y -= hidden;
    hidden += below - own;
  }
  return built;
}

/** Gives each panel a unique id, for links to single panels. */
function numbered(built: Dashboard): Dashboard {
  const panels = (built.panels ?? []).flatMap((panel) => ('panels' in panel ? [panel, ...panel.panels] : [panel]));
  for (const [index, panel] of panels.entries()) panel.id = index + 1;
  return built;
}
