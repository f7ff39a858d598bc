import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Log } from '../../common/log.js';
import { redactorOf } from '../../config/print.js';
import type { FileSettings } from '../../config/settings.js';
import type { DefinedCheck } from '../../health/defined-check.js';
import { formatDuration } from '../../options/duration.js';
import { afterNextPoll } from '../../server/sockets/after-next-poll.js';
import { createService, type Service } from '../../service/service.js';
import type { FlagValues } from '../parser.js';
import { describeLivenessSettings } from './liveness-settings.js';
import { openLog } from './log.js';
import { coalesced, type Running, readRunning, reload } from './reload.js';
import { ServeSignals, serveSignals } from './signals.js';
import { SystemdNotifier } from './systemd.js';

/** Starts the responder, and stops it on the first signal. A second signal ends the process immediately. */
export async function serve(flags: FlagValues): Promise<number> {
  const sources = { file: flags.config as string | undefined, env: process.env, flags };
  const { options, warnings, ...read } = await readRunning(sources);
  let running: Running = read;
  const { settings, checks } = running;
  const log = await openLog(settings.log);
  for (const warning of warnings) log.warn(warning);
  process.on('uncaughtException', (error) => {
    log.fatal(`exiting: uncaught exception: ${redactorOf(running)(error)}`);
    process.exit(1);
  });
  // Node would write warnings to standard error, which blocks if nothing reads it.
  process.removeAllListeners('warning').on('warning', (warning) => log.warn(redactorOf(running)(warning)));
  // Default metrics describe the process, so this command adds them and the library does not.
  const register = new Registry();
  collectDefaultMetrics({ register });
  const service = createService({ ...options, register, log });
  const signals = serveSignals ?? new ServeSignals();
  // A signal that has already arrived ends the process before the start. Node.js 24 loads modules without a poll.
  await afterNextPoll();
  const signal = signals.firstEnd();
  // A signal must not wait for a slow start.
  await Promise.race([service.start(), signal]);
  logStarted(service, settings, checks, log);
  const systemd = notifySystemd(service, log);
  const reloadAll = async () => {
    await service.reloadCertificates();
    running = await reload(service, sources, running, log);
  };
  signals.reloadAtHangup(coalesced(reloadAll));
  const received = await signal;
  systemd.stopping();
  await shutDown(received, service, running.settings.drain, log);
  return 0;
}

/**
 * Notifies systemd that the listeners are open. The status of checks is irrelevant, because a restart does not repair a
 * database.
 */
function notifySystemd({ health }: Service, log: Log): SystemdNotifier {
  const systemd = new SystemdNotifier(process.env, log);
  health.onTransition(({ of, name, to, reason }) => {
    if (of === 'group' && name === 'readiness') systemd.status(`readiness: ${to}${reason ? `, ${reason}` : ''}`);
  });
  systemd.ready(`readiness: ${health.stateOf('readiness')}`);
  return systemd;
}

/**
 * SIGTERM comes from an orchestrator, whose load balancers must observe the drain. SIGINT comes from a user at a
 * terminal.
 */
async function shutDown(
  signal: NodeJS.Signals,
  service: Service,
  { grace }: FileSettings['drain'],
  log: Log,
): Promise<void> {
  const drains = signal === 'SIGTERM' && grace > 0;
  const how = drains ? `draining for at most ${formatDuration(grace)}` : 'answering received PINGs';
  log.info({ signal }, `${signal}: ${how}, then stopping; a second signal exits immediately`);
  await (drains ? service.drain() : service.stop());
  log.info({ signal }, 'stopped');
}

function logStarted(
  { addresses, httpAddress, grpcAddress }: Service,
  settings: FileSettings,
  checks: Readonly<Record<string, DefinedCheck>>,
  log: Log,
): void {
  for (const address of addresses) log.info({ address }, `listening on ${address}`);
  for (const description of describeLivenessSettings(settings)) log.info({}, description);
  if (grpcAddress !== undefined) log.info({ address: grpcAddress }, `gRPC: grpc.health.v1 on ${grpcAddress}`);
  if (httpAddress !== undefined) {
    log.info(
      { url: httpAddress },
      `HTTP: status page, /health, /livez, /readyz, /startupz and /metrics on ${httpAddress}`,
    );
  }
  const descriptions = Object.values(checks).map(
    ({ name, kind, interval }) =>
      `${name} (${kind}, ${interval === 0 ? 'on demand' : `every ${formatDuration(interval)}`})`,
  );
  log.info(
    { checks: Object.keys(checks) },
    descriptions.length === 0
      ? 'no checks configured: ready while the process runs'
      : `checks: ${descriptions.join(', ')}`,
  );
}
