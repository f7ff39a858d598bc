/** All hosts of a link share the prefix of their link-local addresses, so each counts for itself. */
const isLinkLocal = (groups: readonly number[]): boolean => ((groups[0] as number) & 0xffc0) === 0xfe80;

/**
 * What a connection counts as where connections per address are limited: the IPv4 address, or the network that is the
 * first `ipv6Prefix` bits (1 to 128) of the IPv6 address, because one host has all addresses of its network. An
 * IPv4-mapped IPv6 address is its IPv4 address. Undefined for a peer without an IP address, such as one of a Unix
 * socket: it is not counted, because nothing tells one such peer from another.
 */
export function addressBucket(address: string | undefined, ipv6Prefix: number): string | undefined {
  if (address === undefined) return undefined;
  if (!address.includes(':')) return /^[\d.]+$/.test(address) ? address : undefined;
  const [text = '', zone = ''] = address.split('%');
  const groups = groupsOf(text);
  const [high = 0, low = 0] = groups.slice(6);
  if (groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)) {
    return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
  }
  const bits = isLinkLocal(groups) ? 128 : ipv6Prefix;
  const network = groups.map((group, at) => (group & leading(bits - 16 * at)).toString(16));
  return `${network.join(':')}/${bits}${zone && `%${zone}`}`;
}

/** The eight groups of a valid IPv6 address. */
function groupsOf(address: string): number[] {
  const [head = [], tail = []] = address.split('::').map(listed);
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

function listed(part: string): number[] {
  const groups = part === '' ? [] : part.split(':');
  const last = groups.at(-1);
  if (!last?.includes('.')) return groups.map((group) => Number.parseInt(group, 16));
  const [a = 0, b = 0, c = 0, d = 0] = last.split('.').map(Number);
  return [...groups.slice(0, -1).map((group) => Number.parseInt(group, 16)), (a << 8) | b, (c << 8) | d];
}

/** The mask of a group of which the first `bits` count; fewer than 1: none, more than 15: all. */
function leading(bits: number): number {
  return (0xffff << (16 - Math.max(0, Math.min(16, bits)))) & 0xffff;
}
