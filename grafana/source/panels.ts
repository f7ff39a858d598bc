import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueGraphMode,
  HeatmapCellLayout,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  ScaleDistribution,
  ScaleDistributionConfigBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import {
  DashboardLinkBuilder,
  FieldColorBuilder,
  FieldColorModeId,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import {
  PanelBuilder as Heatmap,
  HeatmapColorMode,
  HeatmapColorOptionsBuilder,
  HeatmapColorScale,
  RowsHeatmapOptionsBuilder,
  YAxisConfigBuilder,
} from '@grafana/grafana-foundation-sdk/heatmap';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StateTimeline } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as Table } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries';
import { metricOf, seriesIn } from './metrics.js';
import { statusMappings } from './states.js';

/** Texts, unit and size of a panel. */
export interface PanelText {
  readonly title: string;
  /** How to read the panel. The help texts of its metrics are appended. */
  readonly description: string;
  /** Grafana unit of the values. */
  readonly unit: string;
  /** Text if there is no data. */
  readonly empty: string;
  /** Width in columns, of 24. Default 12. */
  readonly width?: number;
  /** Height in grid rows. Default 8. */
  readonly height?: number;
}

export interface Query {
  readonly expr: string;
  readonly legend?: string;
}

export type Level = readonly [from: number, color: string];

export const datasource = { type: 'prometheus', uid: '${datasource}' };

interface CommonBuilder {
  title(text: string): this;
  description(text: string): this;
  unit(unit: string): this;
  noValue(text: string): this;
  span(columns: number): this;
  height(rows: number): this;
  datasource(ref: typeof datasource): this;
  targets(targets: Builder<Dataquery>[]): this;
}

function framed<B extends CommonBuilder>(
  builder: B,
  { title, description, unit, empty, width = 12, height = 8 }: PanelText,
  queries: readonly Query[],
  shape: (query: DataqueryBuilder) => DataqueryBuilder = (query) => query.range(),
): B {
  const rows = new Set(queries.flatMap(({ expr }) => seriesIn(expr)).map((name) => metricOf(name)));
  const meanings = [...rows].map((row) => `- \`${row?.name}\`: ${row?.help}`);
  return builder
    .title(title)
    .description([description, ...meanings].join('\n'))
    .unit(unit)
    .noValue(empty)
    .span(width)
    .height(height)
    .datasource(datasource)
    .targets(
      queries.map(({ expr, legend = '__auto' }, index) =>
        shape(
          new DataqueryBuilder()
            .datasource(datasource)
            .expr(expr)
            .legendFormat(legend)
            .refId(String.fromCharCode(65 + index)),
        ),
      ),
    );
}

function thresholds(levels: readonly Level[]) {
  const [first, ...rest] = levels.map(([value, color]) => ({ value, color }));
  return new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps([{ value: null, color: first?.color ?? 'green' }, ...rest]);
}

const legendBelow = () =>
  new VizLegendOptionsBuilder()
    .showLegend(true)
    .displayMode(LegendDisplayMode.List)
    .placement(LegendPlacement.Bottom)
    .calcs([]);
const tooltip = () => new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending);

/** Lines over time. Use `stacked` if the sum is meaningful. `most` is the maximum of the axis. */
export function lines(
  text: PanelText,
  queries: readonly Query[],
  { stacked = false, most }: { stacked?: boolean; most?: number } = {},
): Builder<Panel> {
  const panel = framed(new TimeSeries(), text, queries)
    .min(0)
    .legend(legendBelow())
    .tooltip(tooltip())
    .fillOpacity(stacked ? 60 : 8)
    .showPoints(VisibilityMode.Never)
    .stacking(new StackingConfigBuilder().mode(stacked ? StackingMode.Normal : StackingMode.None));
  return most === undefined ? panel : panel.max(most);
}

/** One number, colored by thresholds. */
export function number(text: PanelText, expr: string, levels: readonly Level[]): Builder<Panel> {
  return framed(new Stat(), { width: 4, height: 4, ...text }, [{ expr }], (query) => query.instant())
    .thresholds(thresholds(levels))
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.None)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).fields('').values(false));
}

/** A state timeline. With `leads`, a click on a bar opens the responder. */
export function states(text: PanelText, queries: readonly Query[], { leads = false } = {}): Builder<Panel> {
  const panel = framed(new StateTimeline(), text, queries)
    .mappings(statusMappings)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
    .mergeValues(true)
    .showValue(VisibilityMode.Auto)
    .rowHeight(0.8)
    .lineWidth(0)
    .fillOpacity(80)
    .legend(legendBelow())
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Single).sort(SortOrder.None));
  return leads ? panel.dataLinks([toResponder('__field.labels', ['job', 'instance'])]) : panel;
}

/** A heat map of a histogram over time. */
export function spread(text: PanelText, expr: string): Builder<Panel> {
  return framed(new Heatmap(), text, [{ expr, legend: '{{le}}' }], (query) =>
    query.range().format(PromQueryFormat.Heatmap),
  )
    .calculate(false)
    .rowsFrame(new RowsHeatmapOptionsBuilder().layout(HeatmapCellLayout.Auto))
    .yAxis(new YAxisConfigBuilder().unit(text.unit))
    .color(
      new HeatmapColorOptionsBuilder()
        .mode(HeatmapColorMode.Scheme)
        .scheme('Spectral')
        .scale(HeatmapColorScale.Exponential)
        .exponent(0.5)
        .steps(64),
    )
    .scaleDistribution(new ScaleDistributionConfigBuilder().type(ScaleDistribution.Linear))
    .hideLegend();
}

/** A table of current values, one row per series. `columns` maps labels to headings, in order. With `leads`, a click opens the responder. */
export function list(
  text: PanelText,
  expr: string,
  columns: Readonly<Record<string, string>>,
  { leads = false } = {},
): Builder<Panel> {
  const names = Object.keys(columns);
  const panel = framed(new Table(), text, [{ expr }], (query) => query.instant().format(PromQueryFormat.Table))
    .withTransformation({ id: 'filterFieldsByName', options: { include: { names } } })
    .withTransformation({
      id: 'organize',
      options: {
        indexByName: Object.fromEntries(names.map((name, index) => [name, index])),
        renameByName: columns,
      },
    })
    .filterable(true);
  const variables = ['job', 'instance', 'check'].filter((name) => names.includes(name));
  return leads ? panel.dataLinks([toResponder('__data.fields', variables)]) : panel;
}

/** A table of time shares, with one row per label set and one column per query. `columns` maps labels to headings. */
export function shares(
  text: PanelText,
  expressions: Readonly<Record<string, string>>,
  columns: Readonly<Record<string, string>>,
): Builder<Panel> {
  const queries = Object.values(expressions).map((expr) => ({ expr }));
  const names = [...Object.keys(columns), ...queries.map((_, index) => `Value #${String.fromCharCode(65 + index)}`)];
  const headings = [...Object.values(columns), ...Object.keys(expressions)];
  return framed(new Table(), text, queries, (query) => query.instant().format(PromQueryFormat.Table))
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({ id: 'filterFieldsByName', options: { include: { names } } })
    .withTransformation({
      id: 'organize',
      options: {
        indexByName: Object.fromEntries(names.map((name, index) => [name, index])),
        renameByName: Object.fromEntries(names.map((name, index) => [name, headings[index]])),
      },
    })
    .min(0)
    .max(1)
    .decimals(3)
    .filterable(true);
}

/** Link from a series or table row to the dashboard of its responder, with these of its labels selected. */
function toResponder(labels: '__field.labels' | '__data.fields', names: readonly string[]): DashboardLinkBuilder {
  const variables = names.map((name) => `var-${name}=\${${labels}.${name}}`);
  return new DashboardLinkBuilder('Open this responder').url(
    `/d/pongcheck-responder?${['${datasource:queryparam}', ...variables, '${__url_time_range}'].join('&')}`,
  );
}
