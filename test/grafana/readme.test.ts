import { alertGroups } from '../../grafana/source/alerts.js';
import { hints, probeHints } from '../../grafana/source/hints.js';
import { cell, code, holdTables, table } from '../readme/markdown.js';

const byReason = (rows: Readonly<Record<string, string>>) =>
  table(
    ['reason', 'what to do first'],
    Object.entries(rows).map(([reason, hint]) => [code(reason), cell(hint)]),
  );

function severityOf(template: string): string {
  if (template.includes('$labels.critical')) return 'critical; warning if the check is not critical';
  return template.includes('$labels.scope') ? 'critical for liveness, otherwise warning' : template;
}

// `UPDATE=1 npm test -- test/grafana` writes the tables of the code into the page.
holdTables('grafana/README.md', 'table', {
  alerts: table(
    ['alert', 'severity', 'after', 'what to do first'],
    Object.values(alertGroups)
      .flat()
      .map(({ alert, for: after = 'immediately', labels, annotations }) => [
        [code(alert), ...(labels.window ? [`over ${labels.window}`] : [])].join(' '),
        severityOf(labels.severity),
        after,
        annotations.hint.startsWith('{{') ? 'Depends on the reason, see below.' : cell(annotations.hint),
      ]),
  ),
  hints: byReason(hints),
  'probe-hints': byReason(probeHints),
});
