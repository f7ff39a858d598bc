import { alertGroups } from '../../grafana/source/alerts.js';
import { hints, probeHints } from '../../grafana/source/hints.js';
import { cell, code, holdTables, table } from '../readme/markdown.js';

const byReason = (rows: Readonly<Record<string, string>>) =>
  table(
    ['reason', 'what to do first'],
    Object.entries(rows).map(([reason, hint]) => [code(reason), cell(hint)]),
  );

// `UPDATE=1 npm test -- test/grafana` writes what the code says into the page.
holdTables('grafana/README.md', 'table', {
  alerts: table(
    ['alert', 'severity', 'after', 'what to do first'],
    Object.values(alertGroups)
      .flat()
      .map(({ alert, for: after = 'at once', labels, annotations }) => [
        [code(alert), ...(labels.window ? [`over ${labels.window}`] : [])].join(' '),
        labels.severity.startsWith('{{') ? 'critical, or warning where the check is not critical' : labels.severity,
        after,
        annotations.hint.startsWith('{{') ? 'By its reason, see below.' : cell(annotations.hint),
      ]),
  ),
  hints: byReason(hints),
  'probe-hints': byReason(probeHints),
});
