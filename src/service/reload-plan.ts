import { isDeepStrictEqual } from 'node:util';
import type { Registry as MetricsRegistry } from 'prom-client';
import type { Clock } from '../common/clock.js';
import type { Log } from '../common/log.js';
import { ProbeExporter } from '../exporter/exporter.js';
import type { ChangedChecks } from '../health/query/registry.js';
import type { GrpcSettings } from '../options/settings.js';
import { LiveCertificate } from '../server/certificates/live-certificate.js';
import type { PingServer } from '../server/ping-server.js';
import type { ServerPlan } from '../server/reload.js';
import { fitOpenFilesLimit } from './connection-limits.js';
import type { ServiceOptions } from './options.js';
import { changedPaths, readServiceOptions, type ServiceSettings } from './settings.js';

/** The result of a reload, as names of checks and paths of options. */
export interface ReloadResult {
  /** Names of the checks that were added, changed or removed. */
  readonly checks: ChangedChecks;
  /** Paths of other options that took effect, such as `limits.maxWatches`. */
  readonly changed: readonly string[];
  /** Paths of changed options that take effect only after a restart, such as `listen[0].url`. */
  readonly needsRestart: readonly string[];
}

/** The changes that a reload makes, except for changes to checks. */
export interface ReloadPlan extends Omit<ReloadResult, 'checks'> {
  /** The new settings. Options that cannot change keep their current values. */
  readonly settings: ServiceSettings;
  readonly server: ServerPlan;
  /** The new options of `probe`. */
  readonly exporter: ProbeExporter | undefined;
}

/** The members of a running service that planning a reload uses. */
interface Running {
  readonly settings: ServiceSettings;
  readonly server: PingServer;
  readonly register: MetricsRegistry | undefined;
  readonly log: Log;
  readonly clock: Clock;
}

/**
 * Determines which options can be applied without a restart. Changes nothing.
 *
 * @throws PongcheckError (rejects) as `createService` does.
 */
export async function planReload(options: ServiceOptions, running: Running): Promise<ReloadPlan> {
  const next = readServiceOptions(options);
  const settings = fitOpenFilesLimit(mergedSettings(running.settings, next), running.log);
  const server = await running.server.plan(settings, next.listen);
  const exporter = next.probe && new ProbeExporter(next.probe, running.clock);
  const needsRestart = [...server.needsRestart, ...fixedPaths(running, options, next)];
  // Invalid certificates are rejected now, so that the restart does not fail.
  for (const section of ['http', 'grpc'] as const) {
    const tls = next[section] ? next[section].tls : undefined;
    if (tls && needsRestart.some((path) => [section, `${section}.tls`].includes(path)))
      await LiveCertificate.open(tls, `${section}.`);
  }
  const changed = [...server.changed, ...changedPaths(running.settings, settings)].filter(
    (path) => !needsRestart.includes(path),
  );
  return { settings, server, exporter, changed, needsRestart };
}

/** Paths of changed options that cannot change at run time. */
function fixedPaths(running: Running, options: ServiceOptions, next: ServiceSettings): string[] {
  const { settings: before } = running;
  const paths: string[] = [];
  for (const section of ['http', 'grpc'] as const) {
    const [wanted, current] = [next[section], before[section]];
    if (!wanted !== !current) paths.push(section);
    else if (wanted && current) {
      const keys = ['host', 'port', 'tls'] as const;
      const changed = keys.filter((key) => !isDeepStrictEqual(wanted[key], current[key]));
      paths.push(...changed.map((key) => `${section}.${key}`));
    }
  }
  for (const section of ['probe', 'fleet'] as const) if (!next[section] !== !before[section]) paths.push(section);
  if (next.threads !== before.threads) paths.push('threads');
  if (next.history?.file !== before.history?.file) paths.push('history.file');
  const objects = ['register', 'log', 'clock'] as const;
  return [...paths, ...objects.filter((key) => options[key] !== undefined && options[key] !== running[key])];
}

/** Returns `next` with the previous values of the settings that cannot change at run time. */
function mergedSettings(before: ServiceSettings, next: ServiceSettings): ServiceSettings {
  const { threads, http, grpc, probe, fleet, history } = before;
  const { history: _, probe: nextProbe = probe, ...rest } = next;
  return {
    ...rest,
    threads,
    ...(history && { history }),
    http: http && next.http ? withLimits(http, next.http) : http,
    grpc: grpc && next.grpc ? withLimits(grpc, next.grpc) : grpc,
    ...(probe && nextProbe && { probe: nextProbe }),
    fleet: fleet && (next.fleet ?? fleet),
  };
}

type Limits = Pick<GrpcSettings, 'maxConnections' | 'maxConnectionsPerAddress'>;

function withLimits<T extends Limits>(section: T, { maxConnections, maxConnectionsPerAddress }: Limits): T {
  return { ...section, maxConnections, maxConnectionsPerAddress };
}
