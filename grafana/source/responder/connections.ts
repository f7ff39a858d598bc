import type { Row } from '../dashboard.js';
import { chosen } from '../metrics.js';
import { lines } from '../panels.js';
import { by, perSecond } from '../promql.js';

export const connections: Row = {
  title: 'Connections',
  panels: [
    lines(
      {
        title: 'Open',
        says: 'At the limit newcomers are closed at accept, without a word.',
        unit: 'none',
        empty: 'it is not scraped',
        width: 8,
      },
      [
        { expr: chosen('pongcheck_connections'), legend: '{{instance}} open' },
        { expr: chosen('pongcheck_connections_limit'), legend: '{{instance}} limit' },
        { expr: chosen('pongcheck_handshakes'), legend: '{{instance}} arriving' },
      ],
    ),
    lines(
      {
        title: 'Ended, by reason',
        says: 'Dead: the heartbeat was not answered. Load balancers that check end most of theirs with client-reset.',
        unit: 'cps',
        empty: 'no connection has ended',
        width: 8,
      },
      [
        {
          expr: `${by('reason', perSecond('pongcheck_connections_closed_total'))} > 0`,
          legend: '{{reason}}',
        },
      ],
      { stacked: true },
    ),
    lines(
      {
        title: 'Accepted and refused',
        says: 'Refused ones met a limit of connections.',
        unit: 'cps',
        empty: 'it is not scraped',
        width: 8,
      },
      [
        { expr: by('instance', perSecond('pongcheck_connections_accepted_total')), legend: '{{instance}} accepted' },
        { expr: by('reason', perSecond('pongcheck_connections_refused_total')), legend: 'refused: {{reason}}' },
      ],
    ),
    lines(
      {
        title: 'Protocol errors',
        says: 'ERROR frames that were sent, by code. Scanners make some; a client of ours should make none.',
        unit: 'cps',
        empty: 'no ERROR was sent',
        width: 8,
      },
      [{ expr: `${by('code', perSecond('pongcheck_protocol_errors_total'))} > 0`, legend: '{{code}}' }],
      { stacked: true },
    ),
    lines(
      {
        title: 'Reading paused',
        says: 'Peers that ask faster than they read or than checks run, by the bound that held them.',
        unit: 'cps',
        empty: 'it is not scraped',
        width: 8,
      },
      [{ expr: by('bound', perSecond('pongcheck_reading_paused_total')), legend: '{{bound}}' }],
    ),
    lines(
      {
        title: 'Octets',
        says: 'Over all connections. A bare PING and its PONG are 16 octets each way.',
        unit: 'Bps',
        empty: 'it is not scraped',
        width: 8,
      },
      [{ expr: by('direction', perSecond('pongcheck_transferred_bytes_total')), legend: '{{direction}}' }],
    ),
    lines(
      {
        title: 'Certificates run out in',
        says: 'A listener reads its certificate anew every minute: a renewed one is seen here without a restart.',
        unit: 's',
        empty: 'no listener speaks TLS',
        width: 16,
      },
      [
        {
          expr: `${chosen('pongcheck_tls_certificate_expiry_timestamp_seconds')} - time()`,
          legend: '{{instance}} {{listener}}',
        },
      ],
    ),
    lines(
      {
        title: 'Frames without effect',
        says: 'PONGs that nobody asked for, GOAWAYs and ERRORs. A client of ours sends hardly any.',
        unit: 'cps',
        empty: 'it is not scraped',
        width: 8,
      },
      [{ expr: by('instance', perSecond('pongcheck_ignored_frames_total')), legend: '{{instance}}' }],
    ),
  ],
};
