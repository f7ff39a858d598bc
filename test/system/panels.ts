import { files } from '../../grafana/source/files.js';

interface Panel {
  title: string;
  targets?: { expr: string }[];
  /** Present in a collapsed row. */
  panels?: Panel[];
}

interface Dashboard {
  uid: string;
  panels: Panel[];
  annotations?: { list: { name: string; target: { expr: string } }[] };
}

function queriesOf({ panels, annotations }: Dashboard): (readonly [title: string, exprs: readonly string[]])[] {
  return [
    ...panels
      .flatMap((panel) => [panel, ...(panel.panels ?? [])])
      .map(({ title, targets = [] }) => [title, targets.map(({ expr }) => expr)] as const),
    ...(annotations?.list ?? []).map(({ name, target }) => [`marks: ${name}`, [target.expr]] as const),
  ];
}

/**
 * Expressions of panels by `DASHBOARD: TITLE`, with their position if a panel has several. Expressions of annotations
 * by `DASHBOARD: marks: NAME`.
 */
export const panels: ReadonlyMap<string, string> = new Map(
  Object.entries(files)
    .filter(([path]) => path.startsWith('grafana/dashboards/'))
    .map(([, text]) => JSON.parse(text) as Dashboard)
    .flatMap((dashboard) =>
      queriesOf(dashboard).flatMap(([title, exprs]) =>
        exprs.map((expr, at): [string, string] => [
          `${dashboard.uid.replace('pongcheck-', '')}: ${title}${at === 0 ? '' : ` (${at + 1})`}`,
          expr,
        ]),
      ),
    ),
);
