import { validateTls } from '../../checks/shared/tls.js';
import { PongcheckError } from '../../common/errors.js';
import { buildChecks, closeOthers, issueLine } from '../../config/checks.js';
import { readConfiguration } from '../../config/load.js';
import { effective } from '../../config/print.js';
import { buildProbeExporter } from '../../config/probe-modules.js';
import type { Configuration } from '../../config/settings.js';
import { configError, InvalidOption, type Path } from '../../options/issue.js';
import { readTlsFiles, type TlsSettings } from '../../server/certificates/tls-files.js';
import type { FlagValues } from '../parser.js';

/** Reads the configuration, creates its checks, and prints the effective values. */
export async function checkConfig(flags: FlagValues): Promise<number> {
  const configuration = await readConfiguration({ file: flags.config as string | undefined, env: process.env });
  const checks = await buildChecks(configuration);
  for (const warning of configuration.warnings) process.stderr.write(`pongcheck: warning: ${warning}\n`);
  await validateCertificates(configuration);
  buildProbeExporter(configuration);
  validatePeers(configuration);
  const effectiveValues = effective({ settings: configuration.settings, checks });
  await closeOthers(checks);
  process.stdout.write(
    flags.json ? `${JSON.stringify(effectiveValues, null, 2)}\n` : (await import('yaml')).stringify(effectiveValues),
  );
  return 0;
}

function validatePeers({ settings, placeOf }: Configuration): void {
  for (const section of ['peers', 'fleet'] as const) {
    const tls = settings[section]?.tls;
    try {
      if (tls) validateTls(section, tls);
    } catch (error) {
      if (!(error instanceof InvalidOption)) throw error;
      throw configError([issueLine(error, [section], placeOf)]);
    }
  }
}

async function validateCertificates({ settings, placeOf }: Configuration): Promise<void> {
  const { listen, http, grpc } = settings;
  const places: [tls: TlsSettings | undefined, path: Path][] = listen.map(({ tls }, index) => [tls, ['listen', index]]);
  if (http) places.push([http.tls, ['http']]);
  if (grpc) places.push([grpc.tls, ['grpc']]);
  for (const [tls, path] of places) {
    await (tls && readTlsFiles(tls))?.catch((error: Error) => {
      throw new PongcheckError('PONGCHECK_CONFIG', `${placeOf(path)}.${error.message}`, { cause: error });
    });
  }
}
