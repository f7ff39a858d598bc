/** All hosts on a network share the link-local prefix, so each link-local address has its own bucket. */
const isLinkLocal = (groups: readonly number[]): boolean => ((groups[0] as number) & 0xffc0) === 0xfe80;

/**
 * Key under which the connections of one peer are counted: the IPv4 address, or the first `ipv6Prefix` bits (1 to 128)
 * of the IPv6 address, because a host can use every address of its network. An IPv4-mapped address counts as its IPv4
 * address.
 * @returns undefined for a peer without an IP address, such as one on a Unix socket; such peers are not counted.
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
  const network = groups.map((group, at) => (group & maskOf(bits - 16 * at)).toString(16));
  return `${network.join(':')}/${bits}${zone && `%${zone}`}`;
}

/** The eight groups of a valid IPv6 address. */
function groupsOf(address: string): number[] {
  const [head = [], tail = []] = address.split('::').map(parsePart);
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

function parsePart(part: string): number[] {
  const groups = part === '' ? [] : part.split(':');
  const last = groups.at(-1);
  if (!last?.includes('.')) return groups.map((group) => Number.parseInt(group, 16));
  const [a = 0, b = 0, c = 0, d = 0] = last.split('.').map(Number);
  return [...groups.slice(0, -1).map((group) => Number.parseInt(group, 16)), (a << 8) | b, (c << 8) | d];
}

/** Mask that keeps the first `bits` bits of a 16-bit group. Values outside 0 to 16 are clamped. */
function maskOf(bits: number): number {
  return (0xffff << (16 - Math.max(0, Math.min(16, bits)))) & 0xffff;
}
