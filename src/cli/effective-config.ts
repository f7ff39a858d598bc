import { buildChecks, closeAll } from '../config/checks.js';
import { effective } from '../config/effective.js';
import { readConfiguration } from '../config/read.js';
import type { Configuration } from '../config/settings.js';
import { PongcheckError } from '../errors.js';
import { readTlsFiles } from '../server/tls-files.js';
import type { FlagValues } from './command.js';

/** Reads, builds, prints. */
export async function checkConfig(flags: FlagValues): Promise<number> {
  const configuration = await readConfiguration({ file: flags.config as string | undefined, env: process.env });
  const checks = await buildChecks(configuration);
  await judgeCertificates(configuration);
  const shown = effective(configuration.settings, checks);
  await closeAll(Object.values(checks));
  process.stdout.write(flags.json ? `${JSON.stringify(shown, null, 2)}\n` : (await import('yaml')).stringify(shown));
  return 0;
}

async function judgeCertificates({ settings, placeOf }: Configuration): Promise<void> {
  for (const [index, { tls }] of settings.listen.entries()) {
    await (tls && readTlsFiles(tls))?.catch((error: Error) => {
      throw new PongcheckError('PONGCHECK_CONFIG', `${placeOf(['listen', index])} ${error.message}`, { cause: error });
    });
  }
}
