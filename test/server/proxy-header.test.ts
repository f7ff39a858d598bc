import { describe, expect, it } from '@jest/globals';
import { ProxyHeader } from '../../src/server/handshake/proxy-header.js';
import { header, ipv4, ipv6 } from './proxied.js';

/** Takes a header from bytes that arrive in chunks of `step` bytes. The remaining bytes are kept. */
function takeFrom(octets: Buffer, step = octets.length) {
  const reader = new ProxyHeader();
  let at = 0;
  for (let there = Math.min(step, octets.length); ; there = Math.min(there + step, octets.length)) {
    const found = reader.take((count) => {
      if (there - at < count) return null;
      at += count;
      return octets.subarray(at - count, at);
    });
    if (found) return { source: found.source, rest: octets.subarray(at).toString() };
    if (there === octets.length) return undefined;
  }
}

describe('a PROXY protocol version 2 header', () => {
  it.each([
    ['IPv4', ipv4('192.0.2.7', 4711), { address: '192.0.2.7', port: 4711 }],
    ['IPv6', ipv6('2001:db8::1:0:0:7', 4711), { address: '2001:db8::1:0:0:7', port: 4711 }],
    ['IPv6 of loopback', ipv6('::1', 1), { address: '::1', port: 1 }],
    ['IPv4 in IPv6', ipv6('::ffff:127.0.0.1', 1), { address: '::ffff:127.0.0.1', port: 1 }],
    ['no family', header(0x21, 0x00), { address: 'unknown', port: undefined }],
    ['a Unix socket', header(0x21, 0x31, Buffer.alloc(216)), { address: 'unknown', port: undefined }],
    ['the proxy itself', header(0x20, 0x00), undefined],
    ['the proxy itself, with addresses', header(0x20, 0x11, Buffer.alloc(12)), undefined],
    ['more than addresses', ipv4('192.0.2.7', 4711, Buffer.alloc(300)), { address: '192.0.2.7', port: 4711 }],
  ])('has the source: %s', (_what, octets, source) => {
    const all = Buffer.concat([octets, Buffer.from('rest')]);
    for (const step of [all.length, 1, 7]) expect(takeFrom(all, step)).toEqual({ source, rest: 'rest' });
  });

  it('is incomplete before its last byte', () => {
    const octets = ipv4('192.0.2.7', 4711);
    for (let end = 0; end < octets.length; end++) expect(takeFrom(octets.subarray(0, end), 1)).toBeUndefined();
  });

  it.each([
    [
      'version 1',
      Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.8 1 2\r\n'),
      /PROXY header of version 1; configure version 2/,
    ],
    ['nothing of the kind', Buffer.from('ping\nping\nping\n'), /missing PROXY header/],
    ['an unknown version', header(0x31, 0x11, Buffer.alloc(12)), /an unknown version or command/],
    ['an unknown command', header(0x22, 0x11, Buffer.alloc(12)), /an unknown version or command/],
    ['UDP', header(0x21, 0x12, Buffer.alloc(12)), /too short, or not for TCP/],
    ['addresses that are cut', header(0x21, 0x11, Buffer.alloc(11)), /too short, or not for TCP/],
    ['IPv6 in the room of IPv4', header(0x21, 0x21, Buffer.alloc(12)), /too short, or not for TCP/],
    ['no end', header(0x21, 0x11, Buffer.alloc(2049)), /has 2049 bytes; at most 2048 are allowed/],
  ])('is refused: %s', (_what, octets, description) => {
    for (const step of [octets.length, 1]) expect(() => takeFrom(octets, step)).toThrow(description);
  });
});
