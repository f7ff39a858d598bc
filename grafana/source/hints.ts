import type { FailureReason } from '../../src/exporter/result.js';
import type { Reason } from '../../src/health/reason.js';

/** The first thing to do if a check does not pass, by reason. A reason without a hint is a compile error. */
export const hints: Readonly<Record<Reason, string>> = {
  timeout: 'The dependency hangs or is overloaded. Check its load, locks and the network path.',
  refused: 'Nothing listens on that address. Start the dependency, or correct the address.',
  reset: 'The connection was reset. The dependency restarted or crashed, or a proxy closed the connection.',
  unreachable: 'There is no route. Check networks, firewalls and security groups.',
  dns: 'The host name does not resolve. Check the resolver and the configured name.',
  tls: 'The TLS handshake or certificate verification failed. Check the expiry, name and CA of the certificate.',
  auth: 'The credentials were rejected. If they were rotated, update the configuration of the check.',
  protocol: 'Another protocol answers on that address. Check the port and proxies.',
  'too-many-connections':
    'The dependency has reached its connection limit. Find the clients that hold connections, or increase the limit.',
  'host-blocked': 'MySQL has blocked this host. Run FLUSH HOSTS, then find the client that aborts handshakes.',
  'read-only': 'The server is read-only. Check for a failover or a full disk.',
  role: 'The server does not have the required role. Check for a failover, and which server the address resolves to.',
  lag: 'The replica lags behind the primary. Check its load and the write load of the primary.',
  loading: 'Redis is loading its data. Wait, and find out why it was restarted.',
  'master-down': 'The replica has lost its primary. Check the primary.',
  'cluster-down':
    'The Redis cluster does not serve all slots. Find the failed nodes with CLUSTER INFO and CLUSTER NODES.',
  'out-of-memory': 'Redis has no memory left for writes. Check maxmemory and memory usage.',
  'bad-status': 'The service returns an unexpected status code. Check its log.',
  'bad-body': 'The response is not as expected. Check whether the service was just deployed.',
  'pool-exhausted': 'The connection pool is exhausted, although the database works. Look for leaks and slow queries.',
  threshold: 'A measured value is outside its limit. See the value and the limit in /health.',
  dependency: 'Another responder does not pass. Check the status of that responder.',
  loop: 'Responders check each other in a cycle, and only this cycle keeps them down. Remove one of the checks from readiness.',
  'never-ran':
    'There is no result yet. A check without an interval runs only on demand. Otherwise, check for abandoned runs.',
  internal: 'The check itself failed. See the error in the log or in /health.',
  'fd-exhausted':
    'The service has no file descriptors left. Increase its open file limit (ulimit -n), or reduce its connection limits.',
  'loop-blocked':
    'Synchronous work blocks the event loop of the service. Take a CPU profile. See docs/troubleshooting.md#the-event-loop-is-blocked.',
  custom: 'A custom check failed. See its output in /health.',
};

/** The first thing to do if a probe fails, by reason. */
export const probeHints: Readonly<Record<FailureReason, string>> = {
  dns: 'The host name of the target does not resolve. Check the resolver of the prober and the target list.',
  refused: 'Nothing listens on that address. Check whether the process is running, and on which port.',
  unreachable: 'There is no route from the prober. Check networks, firewalls and security groups.',
  timeout: 'The target does not answer. The process hangs, or the network drops packets.',
  reset: 'The connection was reset. The target has reached its connection limit, or a proxy closed the connection.',
  tls: 'The TLS handshake or certificate verification failed. Check the expiry, name and CA of the certificate.',
  auth: 'The target requires a token or a client certificate. Check the probe module.',
  protocol: 'Another protocol answers on that address. Check the port, TLS and proxies.',
  'bad-status': 'The target returns an unexpected status code. Check its log.',
  'bad-body': 'The response is not a valid report. Check the path.',
  unhealthy: 'The target reports that it is unhealthy. See its checks and reasons on the dashboard.',
  internal: 'The prober itself failed. See the error in its log or in /probe with debug=true.',
};

/** A template that selects the hint for the label `reason`. */
export function hintTemplate(table: Readonly<Record<string, string>>): string {
  const cases = Object.entries(table).map(
    ([reason, hint], index) => `{{${index === 0 ? '' : ' else'} if eq $labels.reason "${reason}" }}${hint}`,
  );
  return `${cases.join('')}{{ end }}`;
}
