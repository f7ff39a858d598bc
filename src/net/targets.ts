import { BlockList, isIP } from 'node:net';
import { PongcheckError } from '../common/errors.js';

export const TARGET_FORMS =
  'HOST:PORT, where HOST is a name, *.SUFFIX, an IP address or a network such as 10.0.0.0/8, and PORT may be *';

/** Where a probe may go. */
type Allows = (host: string, port: number) => boolean;

/** The targets that are allowed, so that a prober cannot be used to scan a network. */
export class Targets {
  private readonly allowed: readonly Allows[];

  /** Throws PONGCHECK_CONFIG for a pattern that is none. */
  constructor(patterns: readonly string[]) {
    this.allowed = patterns.map(readPattern);
  }

  /** By name or by address, as the target says it: a name is never allowed because of what it resolves to. */
  allows(host: string, port: number): boolean {
    return this.allowed.some((allows) => allows(host, port));
  }
}

function readPattern(pattern: string): Allows {
  const [, bracketed, plain, port = ''] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5}|\*)$/.exec(pattern) ?? [];
  const host = (bracketed ?? plain ?? '').toLowerCase();
  const fits = port === '' || Number(port) > 65_535 ? undefined : hostMatcher(host);
  if (!fits)
    throw new PongcheckError(
      'PONGCHECK_CONFIG',
      `The target ${JSON.stringify(pattern)} is not of the form ${TARGET_FORMS}`,
    );
  return (given, at) => (port === '*' || Number(port) === at) && fits(given.toLowerCase());
}

function hostMatcher(host: string): ((host: string) => boolean) | undefined {
  const [address = '', bits] = host.split('/');
  const family = isIP(address);
  if (family !== 0) {
    const type = family === 4 ? 'ipv4' : 'ipv6';
    const most = family === 4 ? 32 : 128;
    if (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= most)) return undefined;
    const list = new BlockList();
    list.addSubnet(address, bits === undefined ? most : Number(bits), type);
    return (given) => isIP(given) === family && list.check(given, type);
  }
  if (!/^(?:\*\.)?(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}$/.test(host)) return undefined;
  return host.startsWith('*.')
    ? (given) => given.endsWith(host.slice(1)) && isIP(given) === 0
    : (given) => given === host;
}
