import { isIPv4 } from 'node:net';

const SIGNATURE = '0d0a0d0a000d0a515549540a';

/** Builds a PROXY protocol version 2 header. */
export function header(command: number, family: number, rest = Buffer.alloc(0)): Buffer {
  const fixed = Buffer.from([command, family, rest.length >> 8, rest.length & 0xff]);
  return Buffer.concat([Buffer.from(SIGNATURE, 'hex'), fixed, rest]);
}

export function ipv4(address: string, port: number, more = Buffer.alloc(0)): Buffer {
  const rest = Buffer.alloc(12);
  Buffer.from(address.split('.').map(Number)).copy(rest, 0);
  rest.writeUInt16BE(port, 8);
  return header(0x21, 0x11, Buffer.concat([rest, more]));
}

export function ipv6(address: string, port: number): Buffer {
  const rest = Buffer.alloc(36);
  for (const [at, group] of groups(address).entries()) rest.writeUInt16BE(group, 2 * at);
  rest.writeUInt16BE(port, 32);
  return header(0x21, 0x21, rest);
}

function groups(address: string): number[] {
  const tail = address.split(':').at(-1) as string;
  const [high, low] = isIPv4(tail) ? pairs(tail) : [];
  const text = high === undefined ? address : address.replace(tail, `${high.toString(16)}:${low?.toString(16)}`);
  const [before = '', after = ''] = text.split('::');
  const [first, last] = [before, after].map((part) => (part === '' ? [] : part.split(':'))) as [string[], string[]];
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => '0');
  return [...first, ...zeros, ...last].map((group) => Number.parseInt(group, 16));
}

function pairs(address: string): [number, number] {
  const [a, b, c, d] = address.split('.').map(Number) as [number, number, number, number];
  return [a * 256 + b, c * 256 + d];
}
