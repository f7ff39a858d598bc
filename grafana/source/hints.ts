import type { FailureReason } from '../../src/exporter/result.js';
import type { Reason } from '../../src/health/reason.js';

/** The first thing to do, by reason of a check that is not pass. A reason without a hint is a compile error. */
export const hints: Readonly<Record<Reason, string>> = {
  timeout: 'The dependency hangs or is overloaded. Check its load and locks, and the network in between.',
  refused: 'Nothing listens on that address. Start the dependency, or correct the address.',
  reset: 'The connection was reset. The dependency restarts or crashes, or a proxy in between closes it.',
  unreachable: 'There is no route. Check networks, firewalls and security groups.',
  dns: 'The name does not resolve. Check the resolver, and the name in the configuration.',
  tls: 'The TLS handshake or the certificate failed. Check its expiry, name and CA.',
  auth: 'The credentials were rejected. If they were rotated, update those of the check.',
  protocol: 'Another protocol answers on that address. Check the port and proxies.',
  'too-many-connections':
    'The dependency has reached its connection limit. Find the clients that hold connections, or raise the limit.',
  'host-blocked': 'MySQL has blocked this host. Run FLUSH HOSTS, then find the client that aborts handshakes.',
  'read-only': 'The server is read-only. Check for a failover or a full disk.',
  role: 'The server does not have the required role. Check for a failover, and where the address leads.',
  lag: 'The replica lags behind. Check its load, and the write load of the primary.',
  loading: 'Redis is loading its data. Wait, and find out why it was restarted.',
  'master-down': 'The replica has lost its primary. Check the primary.',
  'cluster-down':
    'The Redis cluster does not serve all slots. Find the failed nodes with CLUSTER INFO and CLUSTER NODES.',
  'out-of-memory': 'Redis has no memory left for writes. Check maxmemory, and what uses the memory.',
  'bad-status': 'The service returns an unexpected status code. Check its log.',
  'bad-body': 'The response is not as expected. Check whether the service was just deployed.',
  'pool-exhausted': 'The connection pool is exhausted, although the database works. Look for leaks and slow queries.',
  threshold: 'A measured value exceeds its limit. /health has the value and the limit.',
  dependency: 'Another responder is not pass. Check its own status.',
  loop: 'Responders check each other in a circle, and only that keeps them down. Remove one of the checks from readiness.',
  'never-ran':
    'There is no result yet. A check without an interval runs only on demand; otherwise check for abandoned runs.',
  internal: 'The check itself failed. The error is in the log and at /health.',
  'fd-exhausted':
    'The service has no file descriptor left. Raise its open files limit (ulimit -n), or lower its connection limits.',
  'loop-blocked':
    'Synchronous work blocks the event loop of the service. Take a CPU profile: docs/troubleshooting.md#the-event-loop-is-blocked says how.',
  custom: 'A custom check failed. /health has its output.',
};

/** The first thing to do, by failure reason of a probe. */
export const probeHints: Readonly<Record<FailureReason, string>> = {
  dns: 'The name of the target does not resolve. Check the resolver of the prober, and the list of targets.',
  refused: 'Nothing listens on that address. Check whether the process is running, and its port.',
  unreachable: 'There is no route from the prober. Check networks, firewalls and security groups.',
  timeout: 'The target does not answer. The process hangs, or the network drops packets.',
  reset: 'The target closes connections. It has reached its connection limit, or a proxy in between closes them.',
  tls: 'The TLS handshake or the certificate failed. Check its expiry, name and CA.',
  auth: 'The target requires a token or a client certificate. Check the probe module.',
  protocol: 'Another protocol answers on that address. Check the port, TLS and proxies.',
  'bad-status': 'The target returns an unexpected status code. Check its log.',
  'bad-body': 'The response is not a valid report. Check the path.',
  unhealthy: 'The target reports that it is not healthy. The dashboard has its checks and their reasons.',
  internal: 'The prober itself failed. The error is in its log, and at /probe with debug=true.',
};

/** A template that selects the hint for the label `reason`. */
export function hintTemplate(table: Readonly<Record<string, string>>): string {
  const cases = Object.entries(table).map(
    ([reason, hint], index) => `{{${index === 0 ? '' : ' else'} if eq $labels.reason "${reason}" }}${hint}`,
  );
  return `${cases.join('')}{{ end }}`;
}
