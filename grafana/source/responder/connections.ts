import type { Row } from '../dashboard.js';
import { chosen } from '../metrics.js';
import { lines } from '../panels.js';
import { by, perSecond } from '../promql.js';

export const connections: Row = {
  title: 'Connections',
  collapsed: true,
  panels: [
    lines(
      {
        title: 'Open connections',
        description: 'At the limit, further connections are closed on accept.',
        unit: 'none',
        empty: 'not scraped',
        width: 8,
      },
      [
        { expr: chosen('pongcheck_connections'), legend: '{{instance}} open' },
        { expr: chosen('pongcheck_connections_limit'), legend: '{{instance}} limit' },
        { expr: chosen('pongcheck_handshakes'), legend: '{{instance}} in handshake' },
      ],
    ),
    lines(
      {
        title: 'Closed connections by reason',
        description:
          'Reason dead: the heartbeat was not answered. Load balancer health checks usually end with client-reset.',
        unit: 'cps',
        empty: 'no closed connections',
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
        title: 'Accepted and refused connections',
        description: 'Connections are refused when a connection limit is reached.',
        unit: 'cps',
        empty: 'not scraped',
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
        description: 'ERROR frames sent, by code. Port scanners cause some. The pongcheck client should cause none.',
        unit: 'cps',
        empty: 'no ERROR frames sent',
        width: 8,
      },
      [{ expr: `${by('code', perSecond('pongcheck_protocol_errors_total'))} > 0`, legend: '{{code}}' }],
      { stacked: true },
    ),
    lines(
      {
        title: 'Reading paused',
        description: 'Clients that send faster than they read or than checks run, by limit.',
        unit: 'cps',
        empty: 'not scraped',
        width: 8,
      },
      [{ expr: by('bound', perSecond('pongcheck_reading_paused_total')), legend: '{{bound}}' }],
    ),
    lines(
      {
        title: 'Transferred bytes',
        description: 'Bytes on all connections. A PING without a body and its PONG are 16 bytes each.',
        unit: 'Bps',
        empty: 'not scraped',
        width: 8,
      },
      [{ expr: by('direction', perSecond('pongcheck_transferred_bytes_total')), legend: '{{direction}}' }],
    ),
    lines(
      {
        title: 'Time until certificate expiry',
        description: 'Certificate files are re-read every minute. A renewed certificate requires no restart.',
        unit: 's',
        empty: 'no listener uses TLS',
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
        description: 'Unsolicited PONGs, GOAWAYs and ERRORs. The pongcheck client sends very few.',
        unit: 'cps',
        empty: 'not scraped',
        width: 8,
      },
      [{ expr: by('instance', perSecond('pongcheck_ignored_frames_total')), legend: '{{instance}}' }],
    ),
  ],
};
