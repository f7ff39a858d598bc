import { BlockList, isIPv4, isIPv6 } from 'node:net';

const MAX_BITS = { ipv4: 32, ipv6: 128 } as const;

/** A set of IP addresses and networks, such as `10.0.0.0/8` and `::1`. */
export class Networks {
  private readonly list = new BlockList();

  /** Each of `texts` must satisfy `isNetwork`. */
  constructor(texts: readonly string[]) {
    for (const text of texts) {
      const { address, family, bits } = parseNetwork(text) as Network;
      this.list.addSubnet(address, bits, family);
    }
  }

  /** Whether an address is in the set. An IPv4-mapped address (`::ffff:10.0.0.1`) is treated as its IPv4 address. */
  has(address: string | undefined): boolean {
    return address !== undefined && this.list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  }
}

export function isNetwork(text: string): boolean {
  return parseNetwork(text) !== undefined;
}

interface Network {
  readonly address: string;
  readonly family: 'ipv4' | 'ipv6';
  /** Prefix length. */
  readonly bits: number;
}

/** Parses an address or a network. Returns undefined if the text is neither. */
export function parseNetwork(text: string): Network | undefined {
  const [, address = '', length] = /^([0-9a-f.:]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? [];
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined;
  if (family === undefined) return undefined;
  const bits = length === undefined ? MAX_BITS[family] : Number(length);
  return bits <= MAX_BITS[family] ? { address, family, bits } : undefined;
}
