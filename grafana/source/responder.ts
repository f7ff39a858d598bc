import { dashboard } from './dashboard.js';
import { chosenChecks } from './metrics.js';
import { availability } from './responder/availability.js';
import { checks } from './responder/checks.js';
import { connections } from './responder/connections.js';
import { fleet } from './responder/fleet.js';
import { peers } from './responder/peers.js';
import { pings } from './responder/pings.js';
import { eventLoop, process, threads } from './responder/process.js';
import { configuration, grpc, http } from './responder/services.js';
import { status } from './responder/status.js';

export const responder = dashboard(
  {
    uid: 'pongcheck-responder',
    title: 'pongcheck / Responder',
    description:
      'One responder: status and availability, reply times and result age, check durations, connections, event loop and threads.',
    known: 'pongcheck_build_info',
    variables: [['check', 'Check', 'label_values(pongcheck_check_info{job=~"$job", instance=~"$instance"}, check)']],
    marks: {
      name: 'Status changes',
      // The value of the metric is the time of the change, so the mark does not depend on the scrape time.
      expr: [
        `1000 * ${chosenChecks('pongcheck_check_state_since_timestamp_seconds')}`,
        `* on (job, instance, check) group_left (status) (${chosenChecks('pongcheck_check_status')} == 1)`,
        '>= $__from',
      ].join(' '),
      title: '{{check}}: {{status}}',
      text: '{{instance}}',
    },
  },
  [
    status,
    availability,
    checks,
    pings,
    connections,
    eventLoop,
    peers,
    fleet,
    threads,
    http,
    grpc,
    process,
    configuration,
  ],
);
