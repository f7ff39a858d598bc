import { isDeepStrictEqual } from 'node:util';
import { defineCheck } from '../checks/define.js';
import type { RegistrySettings } from '../health/query/registry.js';
import { readOptions, type Settings } from '../options/settings.js';
import type { ServiceOptions } from './options.js';

/** The options of a service with all defaults, and its checks. */
export interface ServiceSettings extends Settings {
  readonly registry: RegistrySettings;
}

/**
 * Validates the options of a service and fills in the defaults.
 *
 * @throws PongcheckError `PONGCHECK_CONFIG`, one line for each issue.
 */
export function readServiceOptions(options: ServiceOptions): ServiceSettings {
  const settings = readOptions(options);
  const { ping, startup, serviceId, releaseId } = settings;
  const checks = Object.entries(options.checks ?? {}).map(([name, check]) => defineCheck(name, check));
  const registry: RegistrySettings = {
    checks,
    staleLimit: ping.staleLimit,
    ...(startup?.grace !== undefined && { startupGrace: startup.grace }),
    ...(serviceId !== undefined && { serviceId }),
    ...(releaseId !== undefined && { releaseId }),
  };
  return { ...settings, registry };
}

const sections = ['http', 'ping', 'startup', 'loop', 'heartbeat', 'limits', 'drain'] as const;
const values = ['detail', 'tokens', 'serviceId', 'releaseId', 'probe'] as const;

/** Paths of the options that differ. Listeners and checks are compared by the server and the registry. */
export function changedPaths(before: Settings, next: Settings): string[] {
  const [a, b] = [flatten(before), flatten(next)];
  return Object.keys({ ...a, ...b }).filter((path) => !isDeepStrictEqual(a[path], b[path]));
}

function flatten(settings: Settings): Record<string, unknown> {
  const inSections = sections.flatMap((section) =>
    Object.entries(settings[section] || {}).map(([key, value]) => [`${section}.${key}`, value] as const),
  );
  return Object.fromEntries([...inSections, ...values.map((key) => [key, settings[key]] as const)]);
}
