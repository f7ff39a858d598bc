import { BlockList, isIP } from 'node:net';
import { PongcheckError } from '../common/errors.js';
import { parseNetwork } from './networks.js';

export const TARGET_FORMS =
  'HOST:PORT, where HOST is a name, *.SUFFIX, an IP address or a network such as 10.0.0.0/8, and PORT may be *';

/** Whether this target may be probed. */
type Allows = (host: string, port: number) => boolean;

/** The targets that may be probed, so that a prober cannot be used to scan a network. */
export class Targets {
  private readonly allowed: readonly Allows[];

  /** @throws PongcheckError `PONGCHECK_CONFIG` for an invalid pattern. */
  constructor(patterns: readonly string[]) {
    this.allowed = patterns.map(readPattern);
  }

  /** Compares the host as given. A name is never allowed because of an address that it resolves to. */
  allows(host: string, port: number): boolean {
    return this.allowed.some((allows) => allows(host, port));
  }
}

function readPattern(pattern: string): Allows {
  const [, bracketed, plain, port = ''] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5}|\*)$/.exec(pattern) ?? [];
  const host = (bracketed ?? plain ?? '').toLowerCase();
  const matches = port === '' || Number(port) > 65_535 ? undefined : hostMatcher(host);
  if (!matches)
    throw new PongcheckError(
      'PONGCHECK_CONFIG',
      `The target ${JSON.stringify(pattern)} is invalid; allowed: ${TARGET_FORMS}`,
    );
  return (given, at) => (port === '*' || Number(port) === at) && matches(given.toLowerCase());
}

function hostMatcher(host: string): ((host: string) => boolean) | undefined {
  const network = parseNetwork(host);
  if (network) {
    const { address, family, bits } = network;
    const list = new BlockList();
    list.addSubnet(address, bits, family);
    return (given) => isIP(given) === isIP(address) && list.check(given, family);
  }
  if (!/^(?:\*\.)?(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}$/.test(host)) return undefined;
  return host.startsWith('*.')
    ? (given) => given.endsWith(host.slice(1)) && isIP(given) === 0
    : (given) => given === host;
}
