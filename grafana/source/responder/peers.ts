import type { Row } from '../dashboard.js';
import { chosenChecks } from '../metrics.js';
import { lines, spread } from '../panels.js';
import { buckets, by, perSecond } from '../promql.js';

const empty = 'no check has onShared: warn';

export const peers: Row = {
  title: 'Shared failures',
  collapsed: true,
  panels: [
    lines(
      {
        title: 'Failures by fate',
        description:
          'Instances on which a check fails. shared: it also fails on most peers, so it only warns. local: it works on the peers.',
        unit: 'none',
        empty,
        width: 8,
      },
      [{ expr: by('check, fate', chosenChecks('pongcheck_check_fate')), legend: '{{check}} {{fate}}' }],
      { stacked: true },
    ),
    lines(
      {
        title: 'Peer queries',
        description:
          'Queries per second about failing checks. uncounted: the check has never passed on the peer, or its result is too old.',
        unit: 'cps',
        empty: 'no peers',
        width: 8,
      },
      [{ expr: by('outcome', perSecond('pongcheck_peers_asked_total')), legend: '{{outcome}}' }],
      { stacked: true },
    ),
    spread(
      {
        title: 'Peer query time',
        description: 'Time until all peers have answered, at most peers.timeout. The status changes afterwards.',
        unit: 's',
        empty: 'no peers',
        width: 8,
      },
      buckets('pongcheck_peers_answer_seconds'),
    ),
  ],
};
