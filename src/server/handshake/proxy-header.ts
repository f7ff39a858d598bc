import { SocketAddress } from 'node:net';
import type { Source } from '../peer-info.js';

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** Far more than addresses and what proxies tell beside them; the protocol itself would allow 65,535. */
const MAX_BYTES = 2048;
const LOCAL = 0x20;
const PROXY = 0x21;

const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;
/** Families that name no address which means anything here: unspecified, and a Unix socket on the proxy's machine. */
const ADDRESSLESS = [0x00, 0x31];

/** What is wrong with a header; `first` is its first octet. */
export class ProxyFault extends Error {
  override readonly name = 'ProxyFault';

  constructor(
    message: string,
    readonly first: number,
  ) {
    super(message);
  }
}

/** Whether this chunk begins with a header of version 2. */
export function beginsWithProxyHeader(chunk: Buffer): boolean {
  return chunk.length >= SIGNATURE.length && chunk.subarray(0, SIGNATURE.length).equals(SIGNATURE);
}

/** Reads one header of the PROXY protocol, version 2, and not an octet more. */
export class ProxyHeader {
  private signed = false;
  private fixed: Buffer | undefined = undefined;

  /**
   * `read` gives so many octets, or null while they are not there. Undefined: more have to come. `source` is
   * undefined where the proxy speaks for itself. Throws ProxyFault.
   */
  take(read: (octets: number) => Buffer | null): { source: Source | undefined } | undefined {
    if (!this.signed) {
      const signature = read(SIGNATURE.length);
      if (signature?.length !== SIGNATURE.length) return undefined;
      validateSignature(signature);
      this.signed = true;
    }
    this.fixed ??= whole(read(4), 4);
    if (this.fixed === undefined) return undefined;
    const octets = this.fixed.readUInt16BE(2);
    if (octets > MAX_BYTES) throw fault(`has ${octets} octets; up to ${MAX_BYTES} are read`);
    const rest = octets === 0 ? Buffer.alloc(0) : whole(read(octets), octets);
    return rest && { source: sourceOf(this.fixed, rest) };
  }
}

/** At the end of a stream it gives what is left, which may be less. */
function whole(octets: Buffer | null, count: number): Buffer | undefined {
  return octets?.length === count ? octets : undefined;
}

function validateSignature(octets: Buffer): void {
  if (octets.equals(SIGNATURE)) return;
  const first = octets[0] as number;
  if (octets.toString('latin1', 0, 6) === 'PROXY ') {
    throw new ProxyFault('a PROXY header is of version 1; version 2 is understood (send-proxy-v2)', first);
  }
  throw new ProxyFault('a proxy sent no PROXY header of version 2', first);
}

function sourceOf(fixed: Buffer, rest: Buffer): Source | undefined {
  const [command, family] = fixed as unknown as [number, number];
  if (command === LOCAL) return undefined;
  if (command !== PROXY) throw fault('has a version or a command that is not known');
  if (ADDRESSLESS.includes(family)) return { address: 'unknown', port: undefined };
  if (family === TCP_OVER_IPV4 && rest.length >= 12) {
    return { address: rest.subarray(0, 4).join('.'), port: rest.readUInt16BE(8) };
  }
  if (family === TCP_OVER_IPV6 && rest.length >= 36) {
    return { address: ipv6(rest.subarray(0, 16)), port: rest.readUInt16BE(32) };
  }
  throw fault('is too short, or not of TCP');
}

function ipv6(octets: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, group) => octets.readUInt16BE(2 * group).toString(16));
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}

function fault(what: string): ProxyFault {
  return new ProxyFault(`a PROXY header ${what}`, SIGNATURE[0] as number);
}
