import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Log } from '../../common/log.js';
import type { FileSettings } from '../../config/settings.js';
import type { DefinedCheck } from '../../health/defined-check.js';
import { formatDuration } from '../../options/duration.js';
import { createService, type Service } from '../../service/service.js';
import type { FlagValues } from '../parser.js';
import { describeLivenessSettings } from './liveness-settings.js';
import { openLog } from './log.js';
import { coalesced, type Running, readRunning, redactorOf, reload } from './reload.js';
import { ServeSignals, serveSignals } from './signals.js';

/** Starts what the configuration says, and stops it at the first signal; a later one ends the process at once. */
export async function serve(flags: FlagValues): Promise<number> {
  const sources = { file: flags.config as string | undefined, env: process.env, flags };
  const { options, warnings, ...read } = await readRunning(sources);
  let running: Running = read;
  const { settings, checks } = running;
  const log = await openLog(settings.log);
  for (const warning of warnings) log.warn(warning);
  process.on('uncaughtException', (error) => {
    log.fatal(`ends: something threw where nobody could catch it: ${redactorOf(running)(error)}`);
    process.exit(1);
  });
  // Node writes warnings to standard error, and waits where that is not read.
  process.removeAllListeners('warning').on('warning', (warning) => log.warn(redactorOf(running)(warning)));
  // The process is this command's own, so its default metrics belong here; a library adds none.
  const register = new Registry();
  collectDefaultMetrics({ register });
  const service = createService({ ...options, register, log });
  const signals = serveSignals ?? new ServeSignals();
  const signal = signals.firstEnd();
  // A signal does not wait for a start that takes long.
  await Promise.race([service.start(), signal]);
  tellWhatIsOn(service, settings, checks, log);
  const reloadAll = async () => {
    await service.reloadCertificates();
    running = await reload(service, sources, running, log);
  };
  signals.reloadAtHangup(coalesced(reloadAll));
  await leave(await signal, service, running.settings.drain, log);
  return 0;
}

/** SIGTERM comes from an orchestrator whose load balancers must see the drain; SIGINT from somebody who waits. */
async function leave(
  signal: NodeJS.Signals,
  service: Service,
  { grace }: FileSettings['drain'],
  log: Log,
): Promise<void> {
  const drains = signal === 'SIGTERM' && grace > 0;
  const how = drains ? `drains for ${formatDuration(grace)} at most` : 'answers what has arrived';
  log.info({ signal }, `${signal}: ${how}, then stops; a second signal ends it at once`);
  await (drains ? service.drain() : service.stop());
  log.info({ signal }, 'stopped');
}

function tellWhatIsOn(
  { addresses, httpAddress }: Service,
  settings: FileSettings,
  checks: Readonly<Record<string, DefinedCheck>>,
  log: Log,
): void {
  for (const address of addresses) log.info({ address }, `answers PING at ${address}`);
  for (const description of describeLivenessSettings(settings)) log.info({}, description);
  if (httpAddress !== undefined) {
    log.info(
      { url: httpAddress },
      `serves a status page, /health, /livez, /readyz, /startupz and /metrics at ${httpAddress}`,
    );
  }
  const told = Object.values(checks).map(
    ({ name, kind, interval }) =>
      `${name} (${kind}, ${interval === 0 ? 'on demand' : `every ${formatDuration(interval)}`})`,
  );
  log.info(
    { checks: Object.keys(checks) },
    told.length === 0 ? 'no check is configured: ready as long as it runs' : `checks ${told.join(', ')}`,
  );
}
