import { metricRows } from '../../src/metrics/table.js';
import { type DashboardText, dashboard, type Row } from './dashboard.js';
import { chosen, seriesIn } from './metrics.js';
import { lines, type PanelText, spread } from './panels.js';
import { buckets, perSecond } from './promql.js';
import { checks } from './responder/checks.js';
import { connections } from './responder/connections.js';
import { peers } from './responder/peers.js';
import { pings } from './responder/pings.js';
import { eventLoop, process, threads } from './responder/process.js';
import { status } from './responder/status.js';

const text: DashboardText = {
  uid: 'pongcheck-responder',
  title: 'pongcheck / Responder',
  description:
    'One responder: status, reply times and age of results, durations of checks, connections, event loop and threads.',
  known: 'pongcheck_build_info',
};

const drawn = [status, pings, checks, peers, connections, eventLoop, threads, process];

/** Metrics without their own panel. */
const others = metricRows.filter(({ name }) => !shown(drawn).has(name)).map(plain);

export const responder = dashboard(text, [...drawn, ...(others.length > 0 ? [{ title: 'More', panels: others }] : [])]);

function shown(rows: readonly Row[]): Set<string> {
  const targets = rows.flatMap(({ panels }) => panels.flatMap((panel) => panel.build().targets ?? []));
  const names = targets.flatMap((target) => seriesIn((target as { expr?: string }).expr ?? ''));
  return new Set(names.map((name) => name.replace(/_(bucket|sum|count)$/, '')));
}

/** The default panel of a metric: the rate of a counter, the value of a gauge, the heat map of a histogram. */
function plain({ name, type, labels }: (typeof metricRows)[number]) {
  const seconds = /_seconds(_|$)/.test(name);
  const panel: PanelText = {
    title: description(name),
    description: `By ${['instance', ...labels].join(', ')}.`,
    unit: seconds ? 's' : 'short',
    empty: 'not scraped',
    width: 8,
  };
  const legend = ['instance', ...labels].map((label) => `{{${label}}}`).join(' ');
  switch (type) {
    case 'counter':
      return lines({ ...panel, unit: seconds ? 'percentunit' : 'cps' }, [{ expr: perSecond(name), legend }]);
    case 'gauge':
      return lines(panel, [
        { expr: name.includes('_timestamp_') ? `time() - (${chosen(name)} > 0)` : chosen(name), legend },
      ]);
    case 'histogram':
      return spread(panel, buckets(name));
  }
}

function description(name: string): string {
  const words = name.replace(/^pongcheck_/, '').replace(/(_timestamp)?(_seconds)?(_total)?$/, '');
  return words.charAt(0).toUpperCase() + words.slice(1).replaceAll('_', ' ');
}
