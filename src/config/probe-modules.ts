import { readTls } from '../checks/shared/tls.js';
import { PongcheckError } from '../common/errors.js';
import type { ProbeExporterOptions } from '../exporter/exporter.js';
import type { ProbeModule } from '../exporter/module.js';
import { configError, type Path } from '../options/issue.js';
import { issueLine } from './checks.js';
import type { Configuration, FileProbeModule } from './settings.js';

/**
 * Reads the TLS files of the probe modules. Returns undefined if `probe` is not configured.
 *
 * @throws PongcheckError `PONGCHECK_CONFIG` for an unreadable file.
 */
export function buildProbeExporter({ settings: { probe }, placeOf }: Configuration): ProbeExporterOptions | undefined {
  if (!probe?.targets) return undefined;
  const modules = Object.entries(probe.modules ?? {}).map(([name, module]) => [
    name,
    build(module, ['probe', 'modules', name], placeOf),
  ]);
  return { ...probe, modules: Object.fromEntries(modules) };
}

function build({ tls, ...module }: FileProbeModule, section: Path, placeOf: Configuration['placeOf']): ProbeModule {
  if (tls === undefined) return module;
  try {
    return { ...module, tls: readTls('probe', tls) };
  } catch (error) {
    if (!(error instanceof PongcheckError)) throw error;
    throw configError([issueLine(error, section, placeOf)]);
  }
}
