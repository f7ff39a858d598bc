import { buildChecks, closeAll } from '../config/checks.js';
import { effective } from '../config/effective.js';
import { readConfiguration } from '../config/read.js';
import { readTlsFiles } from '../server/tls-files.js';
import type { FlagValues } from './command.js';

/** Reads, builds, prints. */
export async function checkConfig(flags: FlagValues): Promise<number> {
  const configuration = await readConfiguration({ file: flags.config as string | undefined, env: process.env });
  const checks = await buildChecks(configuration);
  for (const { tls } of configuration.settings.listen) if (tls) await readTlsFiles(tls);
  const shown = effective(configuration.settings, checks);
  await closeAll(Object.values(checks));
  process.stdout.write(flags.json ? `${JSON.stringify(shown, null, 2)}\n` : (await import('yaml')).stringify(shown));
  return 0;
}
