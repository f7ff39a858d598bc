import { SocketAddress } from 'node:net';
import type { Source } from '../peer-info.js';

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** Maximum size in bytes, enough for addresses and the usual extensions. The protocol allows up to 65,535. */
const MAX_BYTES = 2048;
const LOCAL = 0x20;
const PROXY = 0x21;

const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;
/** Families without a usable address: unspecified, and a Unix socket on the proxy's host. */
const ADDRESSLESS = [0x00, 0x31];

/** An invalid header. `first` is its first byte. */
export class ProxyFault extends Error {
  override readonly name = 'ProxyFault';

  constructor(
    message: string,
    readonly first: number,
  ) {
    super(message);
  }
}

/** Whether this chunk begins with the signature of version 2. */
export function beginsWithProxyHeader(chunk: Buffer): boolean {
  return chunk.length >= SIGNATURE.length && chunk.subarray(0, SIGNATURE.length).equals(SIGNATURE);
}

/** Reads exactly one PROXY protocol version 2 header. */
export class ProxyHeader {
  private signed = false;
  private fixed: Buffer | undefined = undefined;

  /**
   * @param read returns the requested number of bytes, or null if fewer are buffered
   * @returns undefined if more data is needed; `source` is undefined for a connection that the proxy itself opened
   * (LOCAL)
   * @throws ProxyFault if the header is invalid
   */
  take(read: (bytes: number) => Buffer | null): { source: Source | undefined } | undefined {
    if (!this.signed) {
      const signature = read(SIGNATURE.length);
      if (signature?.length !== SIGNATURE.length) return undefined;
      validateSignature(signature);
      this.signed = true;
    }
    this.fixed ??= whole(read(4), 4);
    if (this.fixed === undefined) return undefined;
    const length = this.fixed.readUInt16BE(2);
    if (length > MAX_BYTES) throw fault(`has ${length} bytes; at most ${MAX_BYTES} are allowed`);
    const rest = length === 0 ? Buffer.alloc(0) : whole(read(length), length);
    return rest && { source: sourceOf(this.fixed, rest) };
  }
}

/** At the end of the stream, `read` returns the remaining bytes, which may be fewer. */
function whole(bytes: Buffer | null, count: number): Buffer | undefined {
  return bytes?.length === count ? bytes : undefined;
}

function validateSignature(bytes: Buffer): void {
  if (bytes.equals(SIGNATURE)) return;
  const first = bytes[0] as number;
  if (bytes.toString('latin1', 0, 6) === 'PROXY ') {
    throw new ProxyFault('PROXY header of version 1; configure version 2 in the proxy (send-proxy-v2)', first);
  }
  throw new ProxyFault('missing PROXY header of version 2', first);
}

function sourceOf(fixed: Buffer, rest: Buffer): Source | undefined {
  const [command, family] = fixed as unknown as [number, number];
  if (command === LOCAL) return undefined;
  if (command !== PROXY) throw fault('has an unknown version or command');
  if (ADDRESSLESS.includes(family)) return { address: 'unknown', port: undefined };
  if (family === TCP_OVER_IPV4 && rest.length >= 12) {
    return { address: rest.subarray(0, 4).join('.'), port: rest.readUInt16BE(8) };
  }
  if (family === TCP_OVER_IPV6 && rest.length >= 36) {
    return { address: ipv6(rest.subarray(0, 16)), port: rest.readUInt16BE(32) };
  }
  throw fault('is too short, or not for TCP');
}

function ipv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(2 * group).toString(16));
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}

function fault(problem: string): ProxyFault {
  return new ProxyFault(`PROXY header ${problem}`, SIGNATURE[0] as number);
}
