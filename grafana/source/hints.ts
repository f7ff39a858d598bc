import type { FailureReason } from '../../src/exporter/result.js';
import type { Reason } from '../../src/health/reason.js';

/** What to do first, by the reason why a check is not well. A reason without a hint does not compile. */
export const hints: Readonly<Record<Reason, string>> = {
  timeout: 'The dependency hangs or is overloaded: look at its load and locks, and at the network between.',
  refused: 'Nothing listens there: start the dependency, or correct its address.',
  reset: 'The connection breaks: the dependency restarts or crashes, or a proxy between cuts it off.',
  unreachable: 'There is no route: look at networks, firewalls and security groups.',
  dns: 'The name is not resolved: look at the resolver, and at the name in the configuration.',
  tls: 'The handshake or the certificate fails: look at its expiry, its name and its authority.',
  auth: 'The credentials are refused: were they rotated? Correct those of the check.',
  protocol: 'Something else answers at that address: look at the port and at proxies.',
  'too-many-connections': 'The dependency has no connection left: find who holds them, or raise its limit.',
  'host-blocked': 'MySQL has blocked this host: FLUSH HOSTS there, then find who breaks handshakes off.',
  'read-only': 'It takes no writes: a failover happened, or its disk is full.',
  role: 'A replica stands where the primary is wanted: look at the failover and at where the address leads.',
  lag: 'The replica is too far behind: look at its load and at the writes of the primary.',
  loading: 'Redis still loads its data: wait, and look why it was restarted.',
  'master-down': 'The replica has lost its primary: look at the primary.',
  'cluster-down':
    'The Redis cluster does not serve all slots: look for its failed nodes, and at CLUSTER INFO and CLUSTER NODES.',
  'out-of-memory': 'Redis has no memory left for writes: look at maxmemory and at what fills it.',
  'bad-status': 'The service answers, with a status that is not allowed: look at its own log.',
  'bad-body': 'The service answers, but not what is expected: was it deployed just now?',
  'pool-exhausted':
    'The pool of the application gives no connection, though the database is well: look for leaks and slow queries.',
  threshold: 'A measured value is beyond its limit: /health tells the value and the limit.',
  dependency: 'Another responder is not well: look at its own status.',
  loop: 'Responders check each other in a circle, and only that keeps them down: take one of the checks out of readiness.',
  'never-ran':
    'There is no result that counts: a check without an interval waits to be asked; else look at its abandoned runs.',
  internal: 'The check itself broke: its error is in the log and at /health.',
  'fd-exhausted':
    'The service itself has no file descriptor left: raise its limit of open files (ulimit -n), or lower its limits of connections.',
  custom: 'A check of your own said so: /health tells its description.',
};

/** The same for a target that fails its probe. */
export const probeHints: Readonly<Record<FailureReason, string>> = {
  dns: 'The name of the target is not resolved: look at the resolver of the prober, and at the list of targets.',
  refused: 'Nothing listens there: is the process alive, and on that port?',
  unreachable: 'There is no route from the prober: look at networks, firewalls and security groups.',
  timeout: 'It takes connections and does not answer: the process hangs, or the network loses what comes back.',
  reset: 'It breaks connections off: it has reached its limit of connections, or a proxy between does it.',
  tls: 'The handshake or the certificate fails: look at its expiry, its name and its authority.',
  auth: 'It wants a token or a certificate: look at the module of the probe.',
  protocol: 'Something else answers at that address: look at the port, at TLS and at proxies.',
  'bad-status': 'The HTTP status is not one of health: look at the log of the target.',
  'bad-body': 'The answer is no report: does the path lead to a responder?',
  unhealthy: 'It answers, and says that it is not well: the dashboard names its checks and their reasons.',
  internal: 'The prober itself broke: its error is in its log, and in the probe with debug=true.',
};

/** A template that gives the hint for the label `reason`. */
export function hintTemplate(table: Readonly<Record<string, string>>): string {
  const cases = Object.entries(table).map(
    ([reason, hint], at) => `{{${at === 0 ? '' : ' else'} if eq $labels.reason "${reason}" }}${hint}`,
  );
  return `${cases.join('')}{{ end }}`;
}
