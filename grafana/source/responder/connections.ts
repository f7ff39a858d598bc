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
        description: 'At the limit further connections are closed on accept.',
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
        title: 'Connections ended, by reason',
        description:
          'Reason dead: the heartbeat was not answered. Health checks of load balancers usually end with client-reset.',
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
        title: 'Connections accepted and refused',
        description: 'Connections are refused at a connection limit.',
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
        description: 'ERROR frames sent, by code. Port scanners cause some; clients of this package should cause none.',
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
        description: 'Clients that send faster than they read or than checks run, by the limit that was reached.',
        unit: 'cps',
        empty: 'not scraped',
        width: 8,
      },
      [{ expr: by('bound', perSecond('pongcheck_reading_paused_total')), legend: '{{bound}}' }],
    ),
    lines(
      {
        title: 'Transferred bytes',
        description: 'Over all connections. A bare PING and its PONG are 16 bytes each.',
        unit: 'Bps',
        empty: 'not scraped',
        width: 8,
      },
      [{ expr: by('direction', perSecond('pongcheck_transferred_bytes_total')), legend: '{{direction}}' }],
    ),
    lines(
      {
        title: 'Certificates expire in',
        description: 'Certificate files are re-read every minute; a renewed certificate needs no restart.',
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
        description: 'Unsolicited PONGs, GOAWAYs and ERRORs. Clients of this package send very few.',
        unit: 'cps',
        empty: 'not scraped',
        width: 8,
      },
      [{ expr: by('instance', perSecond('pongcheck_ignored_frames_total')), legend: '{{instance}}' }],
    ),
  ],
};
