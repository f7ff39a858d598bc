import { isDeepStrictEqual } from 'node:util';
import { defineCheck, requirePeers } from '../checks/define.js';
import { readTls, validateTls } from '../checks/shared/tls.js';
import type { RegistrySettings } from '../health/query/registry.js';
import { configError, formatPath, type Report } from '../options/issue.js';
import { OptionReader } from '../options/reader.js';
import {
  type FleetSettings,
  fleetSettings,
  type PeerSettings,
  peerSettings,
  readOptions,
  type Settings,
} from '../options/settings.js';
import { shapeOf } from '../options/shape.js';
import { boolean, duration } from '../options/value-types.js';
import type { PeerIdentity } from '../peers/connection.js';
import type { ServiceOptions } from './options.js';

/** The options of a service with defaults applied, and its checks. */
export interface ServiceSettings extends Omit<Settings, 'peers' | 'fleet'> {
  readonly registry: RegistrySettings;
  readonly peers: PeerSettings | undefined;
  readonly fleet: FleetSettings | undefined;
}

/**
 * Validates the options of a service, and applies the defaults.
 *
 * @throws PongcheckError `PONGCHECK_CONFIG`, one line per issue.
 */
export function readServiceOptions(options: ServiceOptions): ServiceSettings {
  const settings = readOptions(options);
  const { ping, startup, serviceId, releaseId, peers, fleet } = settings;
  const checks = Object.entries(options.checks ?? {}).map(([name, check]) => defineCheck(name, check));
  for (const check of checks) requirePeers(check, peers !== undefined);
  if (peers?.tls) validateTls('peers', peers.tls);
  if (fleet?.tls) validateTls('fleet', fleet.tls);
  const registry: RegistrySettings = {
    checks,
    staleLimit: ping.staleLimit,
    ...(startup?.grace !== undefined && { startupGrace: startup.grace }),
    ...(serviceId !== undefined && { serviceId }),
    ...(releaseId !== undefined && { releaseId }),
  };
  return { ...settings, registry, peers: peers && peerSettings(peers), fleet: fleet && fleetSettings(fleet) };
}

const heartbeatShape = shapeOf([
  { path: 'idle', type: duration, description: '' },
  { path: 'close', type: boolean, description: '' },
]);

/**
 * Validates the options of `service.heartbeat`.
 *
 * @throws PongcheckError `PONGCHECK_CONFIG`, one line per issue.
 */
export function readHeartbeatOptions(options: unknown): { idle?: number; close?: boolean } {
  const issues: string[] = [];
  const report: Report = (path, description) => issues.push(`${formatPath(path) || 'the argument'} ${description}`);
  const values = new OptionReader(report).read(heartbeatShape, options, []);
  if (issues.length > 0) throw configError(issues);
  return values as { idle?: number; close?: boolean };
}

/**
 * The settings of a section, with its credentials. They are read for each connection, because the files may be
 * replaced.
 */
export function withIdentity<T extends PeerSettings | FleetSettings>(
  section: 'peers' | 'fleet',
  settings: T,
): T & { readonly identity: () => PeerIdentity } {
  const { token, tls } = settings;
  const identity = () => ({ ...(token !== undefined && { token }), ...(tls && { tls: readTls(section, tls) }) });
  return { ...settings, identity };
}

const sections = ['http', 'grpc', 'ping', 'startup', 'loop', 'heartbeat', 'limits', 'drain', 'peers', 'fleet'] as const;
const values = ['detail', 'tokens', 'serviceId', 'releaseId', 'probe'] as const;

/** Paths of the options that differ. The server compares the listeners, and the registry compares the checks. */
export function changedPaths(before: ServiceSettings, next: ServiceSettings): string[] {
  const [a, b] = [flatten(before), flatten(next)];
  return Object.keys({ ...a, ...b }).filter((path) => !isDeepStrictEqual(a[path], b[path]));
}

function flatten(settings: ServiceSettings): Record<string, unknown> {
  const inSections = sections.flatMap((section) =>
    Object.entries(settings[section] || {}).map(([key, value]) => [`${section}.${key}`, value] as const),
  );
  return Object.fromEntries([...inSections, ...values.map((key) => [key, settings[key]] as const)]);
}
