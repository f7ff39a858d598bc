import { readConfiguration } from '../../config/load.js';
import type { FileSettings } from '../../config/settings.js';
import { parseAddress } from '../../net/address.js';
import { type FlagValues, UsageError } from '../parser.js';
import { blackbox } from './blackbox.js';
import { consul } from './consul.js';
import { envoy } from './envoy.js';
import { haproxy } from './haproxy.js';
import { kubernetes } from './kubernetes.js';
import type { SnippetOptions } from './listeners.js';

/** The generators by program. */
const snippets: Readonly<Record<string, (settings: FileSettings, options: SnippetOptions) => string[]>> = {
  haproxy,
  blackbox,
  kubernetes,
  envoy,
  consul,
};
/** Flags that only some programs support. */
const programsOf: Readonly<Record<string, readonly string[]>> = {
  server: ['haproxy', 'envoy'],
  mode: ['haproxy'],
  grpc: ['kubernetes'],
};

export async function emit(flags: FlagValues, what?: string): Promise<number> {
  const snippet = what === undefined || !Object.hasOwn(snippets, what) ? undefined : snippets[what];
  if (!snippet) {
    throw new UsageError(
      `the argument is ${what === undefined ? 'missing' : JSON.stringify(what)}; allowed: one of ${Object.keys(snippets).join(', ')}`,
    );
  }
  const servers = (flags.server as string[] | undefined) ?? [];
  const { mode = 'tcp', grpc: byGrpc = false } = flags as { mode?: string; grpc?: boolean };
  for (const [flag, programs] of Object.entries(programsOf)) {
    if (flags[flag] !== undefined && !programs.includes(what as string))
      throw new UsageError(`--${flag} is only valid for ${programs.join(' and ')}, not for ${what}`);
  }
  if (mode !== 'tcp' && mode !== 'http')
    throw new UsageError(`--mode is ${JSON.stringify(mode)}; allowed: one of tcp, http`);
  for (const server of servers) {
    if (!isServer(server)) throw new UsageError(`--server is ${JSON.stringify(server)}; allowed: HOST[:PORT]`);
  }
  const { settings } = await readConfiguration({ file: flags.config as string | undefined, env: process.env });
  process.stdout.write(`${snippet(settings, { servers, mode, byGrpc }).join('\n')}\n`);
  return 0;
}

function isServer(name: string): boolean {
  try {
    return parseAddress(`pong://${name}`).kind === 'tcp';
  } catch {
    return false;
  }
}
