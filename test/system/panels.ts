import { files } from '../../grafana/source/files.js';

interface Panel {
  title: string;
  targets?: { expr: string }[];
}

/** Expressions of panels by DASHBOARD: TITLE, and their place where a panel has several. */
export const panels: ReadonlyMap<string, string> = new Map(
  Object.entries(files)
    .filter(([path]) => path.startsWith('grafana/dashboards/'))
    .flatMap(([, text]) => {
      const dashboard = JSON.parse(text) as { uid: string; panels: Panel[] };
      // Metrics to which nobody has given a place may be of parts that are off here.
      const more = dashboard.panels.findIndex(({ title }) => title === 'More');
      const drawn = more === -1 ? dashboard.panels : dashboard.panels.slice(0, more);
      return drawn.flatMap(({ title, targets = [] }) =>
        targets.map(({ expr }, at): [string, string] => [
          `${dashboard.uid.replace('pongcheck-', '')}: ${title}${at === 0 ? '' : ` (${at + 1})`}`,
          expr,
        ]),
      );
    }),
);
